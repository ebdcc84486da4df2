package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// receipt is what is needed here of a .lic-receipt: the presentation, whose first part is the entry, and the proof file
// of c2sp.org/tlog-proof.
type receipt struct {
	Presentation string `json:"sd_jwt"`
	Proof        string `json:"proof"`
}

// checkReceipt checks the proof that the hub made under the receipt's own checkpoint, and makes it again from tiles.
func checkReceipt(known *keys, source *ledger, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var found receipt
	if err := json.Unmarshal(data, &found); err != nil {
		return err
	}
	index, proof, checkpoint, err := parseProof(found.Proof)
	if err != nil {
		return err
	}
	tree, _, err := known.open([]byte(checkpoint))
	if err != nil {
		return err
	}
	entry, _, _ := strings.Cut(found.Presentation, "~")
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash([]byte(entry))); err != nil {
		return err
	}
	own, err := tlog.ProveRecord(tree.N, index, tlog.TileHashReader(tree, source))
	if err != nil {
		return err
	}
	if !slices.Equal(own, proof) {
		return errors.New("the tiles give another proof than the receipt holds")
	}
	fmt.Printf("receipt: entry %d of %d\n", index, tree.N)
	return nil
}

// parseProof reads "c2sp.org/tlog-proof@v1", "index <i>", one hash a line, an empty line, and the checkpoint.
func parseProof(text string) (int64, tlog.RecordProof, string, error) {
	head, checkpoint, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, nil, "", errors.New("no proof file of version 1")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return 0, nil, "", err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 0, nil, "", err
		}
		proof = append(proof, hash)
	}
	return index, proof, checkpoint, nil
}
