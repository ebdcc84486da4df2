package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxNote     = 256 * 1024
	maxLines    = 64
	maxPath     = 63
	ahead       = 300 // seconds that clocks may differ
	noteKey     = 0x01
	cosignature = 0x04
	mlDSA       = 0x06
)

var (
	decimalForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})$`)
	keyBytes    = map[byte]int{noteKey: 32, cosignature: 32, mlDSA: 1312}
)

// vkey is the key of a log or a witness.
type vkey struct {
	name string
	kind byte
	key  []byte
	id   string
}

func isName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r == '+' || r < 0x20 || unicode.IsSpace(r) })
}

func parseVkey(text string) *vkey {
	parts := strings.SplitN(text, "+", 3)
	need(len(parts) == 3 && len(text) <= 4096, "bad_vkey")
	typed := guard("bad_vkey", func() []byte { return decode(parts[2], -1) })
	need(len(typed) > 0 && isName(parts[0]) && len(typed)-1 == keyBytes[typed[0]], "bad_vkey")
	if typed[0] != mlDSA {
		loadKey("Ed25519", typed[1:], nil)
	}
	id := hash([]byte(parts[0]+"\n"), typed)[:4]
	need(parts[1] == hex.EncodeToString(id), "bad_vkey")
	return &vkey{parts[0], typed[0], typed[1:], string(id)}
}

// guard turns any fault into one code.
func guard[T any](code string, read func() T) T {
	defer func() {
		if caught := recover(); caught != nil {
			_ = caught.(fault)
			panic(fault(code))
		}
	}()
	return read()
}

func decimal(text string) int64 {
	value, err := strconv.ParseInt(text, 10, 64)
	need(decimalForm.MatchString(text) && err == nil && value <= maxInteger, "bad_number")
	return value
}

type line struct {
	name, id string
	blob     []byte
}

type checkpoint struct {
	text   []byte
	lines  []line
	origin string
	size   int64
	root   []byte
}

// parseCheckpoint reads a note whose text is a checkpoint of exactly three lines.
func parseCheckpoint(data []byte) *checkpoint {
	split := bytes.LastIndex(data, []byte("\n\n")) + 1
	need(len(data) <= maxNote && split > 0 && utf8.Valid(data), "bad_note")
	c := &checkpoint{text: data[:split]}
	need(!bytes.ContainsFunc(c.text, func(r rune) bool { return r < 0x20 && r != '\n' }), "bad_note")
	lines := strings.Split(string(data[split+1:]), "\n")
	last := len(lines) - 1
	need(lines[last] == "" && 0 < last && last <= maxLines, "bad_note")
	for _, text := range lines[:last] {
		rest, dash := strings.CutPrefix(text, "\u2014 ")
		name, encoded, space := strings.Cut(rest, " ")
		need(dash && space && isName(name), "bad_note")
		blob := guard("bad_note", func() []byte { return decode(encoded, -1) })
		need(len(blob) > 4, "bad_note")
		c.lines = append(c.lines, line{name, string(blob[:4]), blob[4:]})
	}
	fields := strings.Split(string(c.text), "\n")
	need(len(c.text) <= 4096 && len(fields) == 4 && fields[0] != "", "bad_checkpoint")
	c.origin, c.size = fields[0], guard("bad_checkpoint", func() int64 { return decimal(fields[1]) })
	c.root = guard("bad_checkpoint", func() []byte { return decode(fields[2], 32) })
	return c
}

// verify checks every line whose key is known; it gives the log's key, and the time of each cosigner.
func (c *checkpoint) verify(p *policy) (log *vkey, times map[*vkey]int64) {
	times, seen := map[*vkey]int64{}, map[*vkey]bool{}
	for _, l := range c.lines {
		key := p.keys[l.name+l.id]
		if key == nil || seen[key] || key.kind == mlDSA {
			continue
		}
		seen[key] = true
		signer := publicKey{alg: "Ed25519", x: key.key}
		if key.kind == noteKey {
			need(signer.verify(c.text, l.blob), "bad_signature")
			if log == nil && key.name == c.origin {
				log = key
			}
			continue
		}
		need(len(l.blob) == 72, "bad_signature")
		time := binary.BigEndian.Uint64(l.blob)
		need(0 < time && time <= math.MaxInt64, "bad_signature")
		message := slices.Concat([]byte("cosignature/v1\ntime "+strconv.FormatUint(time, 10)+"\n"), c.text)
		need(signer.verify(message, l.blob[8:]), "bad_signature")
		times[key] = int64(time)
	}
	need(log != nil, "bad_signature")
	return log, times
}

type group struct {
	name      string
	threshold int
	members   []string
}

type policy struct {
	keys      map[string]*vkey // by name and ID, as signature lines have them
	witnesses []*vkey
	names     []string // of the witnesses
	groups    []group
	quorum    string
}

func parsePolicy(data []byte) *policy {
	bad := func(holds bool) { need(holds, "bad_policy") }
	bad(len(data) <= 64*1024 && !slices.ContainsFunc(data, func(c byte) bool { return c < 0x20 && c != '\t' && c != '\n' || c == 0x7f }))
	p := &policy{keys: map[string]*vkey{}}
	free, defined, used := map[string]bool{}, map[string]bool{"none": true}, map[string]bool{}
	define := func(name string) { bad(!defined[name]); defined[name], free[name] = true, true }
	add := func(text string, kinds ...byte) *vkey {
		key := guard("bad_policy", func() *vkey { return parseVkey(text) })
		bad(slices.Contains(kinds, key.kind) && !used[string(key.key)])
		used[string(key.key)], p.keys[key.name+key.id] = true, key
		return key
	}
	counts := map[string]int{}
	for _, text := range strings.Split(string(data), "\n") {
		words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' })
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		counts[words[0]]++
		switch n := len(words); {
		case words[0] == "log" && (n == 2 || n == 3):
			add(words[1], noteKey)
		case words[0] == "witness" && (n == 3 || n == 4):
			define(words[1])
			p.witnesses, p.names = append(p.witnesses, add(words[2], cosignature, mlDSA)), append(p.names, words[1])
		case words[0] == "group" && n >= 4:
			members := words[3:]
			for _, member := range members {
				bad(free[member])
				free[member] = false
			}
			define(words[1])
			threshold, known := map[string]int{"all": len(members), "any": 1}[words[2]]
			if !known {
				threshold = int(guard("bad_policy", func() int64 { return decimal(words[2]) }))
			}
			bad(1 <= threshold && threshold <= len(members))
			p.groups = append(p.groups, group{words[1], threshold, members})
		case words[0] == "quorum" && n == 2 && defined[words[1]]:
			p.quorum = words[1]
		default:
			bad(false)
		}
	}
	bad(counts["quorum"] == 1 && max(counts["log"], counts["witness"], counts["group"]) <= maxList)
	return p
}

// quorumTime takes cosignatures, newest first, until they make a quorum; the time of the last one taken is T.
func (p *policy) quorumTime(times map[*vkey]int64, now int64) int64 {
	var counted []int
	for i, key := range p.witnesses {
		if time, ok := times[key]; ok && time-ahead <= now {
			counted = append(counted, i)
		}
	}
	slices.SortStableFunc(counted, func(a, b int) int {
		if times[p.witnesses[a]] > times[p.witnesses[b]] {
			return -1
		}
		return 1
	})
	held := map[string]bool{}
	for _, i := range counted {
		held[p.names[i]] = true
		for _, g := range p.groups {
			have := 0
			for _, member := range g.members {
				if held[member] {
					have++
				}
			}
			held[g.name] = have >= g.threshold
		}
		if held[p.quorum] {
			return times[p.witnesses[i]]
		}
	}
	panic(fault("no_quorum"))
}
