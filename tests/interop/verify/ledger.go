package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	maxAnswer  = 32 << 20 // bytes: a bundle holds at most 256 entries of 65,535 bytes
)

var client = &http.Client{Timeout: 10 * time.Second}

// ledger is a log behind HTTP at the paths of c2sp.org/tlog-tiles; it is a tlog.TileReader.
type ledger struct {
	url   string
	token string
}

func (l *ledger) get(path string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, l.url+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	if l.token != "" {
		request.Header.Set("Authorization", "Bearer "+l.token)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, maxAnswer))
}

// Height is that of every tile of tlog-tiles.
func (l *ledger) Height() int { return tileHeight }

// ReadTiles fetches tiles exactly as wide as they are asked for.
func (l *ledger) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		data, err := l.get(tilePath(tile))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

// SaveTiles is told of tiles that were found to be in the tree; nothing is kept.
func (l *ledger) SaveTiles([]tlog.Tile, [][]byte) {}

// tilePath turns a path of the checksum database, tile/8/<L>/<N>, into one of tlog-tiles, where the height is fixed.
func tilePath(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	return "tile/" + strings.Replace(path, "data/", "entries/", 1)
}

// entry reads one entry out of its bundle.
func (l *ledger) entry(tree tlog.Tree, index int64) ([]byte, error) {
	number := index / tileWidth
	width := min(tileWidth, tree.N-number*tileWidth)
	bundle, err := l.get(tilePath(tlog.Tile{H: tileHeight, L: -1, N: number, W: int(width)}))
	if err != nil {
		return nil, err
	}
	for at := number * tileWidth; ; at++ {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return nil, errors.New("bundle ends within an entry")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		if at == index {
			return bundle[2:end], nil
		}
		bundle = bundle[end:]
	}
}
