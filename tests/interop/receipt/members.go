package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
)

// listedKey is a key that was ever listed; revoked and voidFrom are -1 where they are not set.
type listedKey struct {
	addedKey
	added, revoked, voidFrom int64
}

// keyState is what the member and rule entries up to an index say.
type keyState struct {
	origin      string
	genesis     []byte
	k           int64
	keys        map[string]listedKey
	cosigners   map[string]map[string]string // role, county: vkey
	rules       map[string]int64
	documents   map[string][]byte
	supervisors map[string][]string
	matters     []decision // of each matter in the order of the days
}

func (s *keyState) text() []byte {
	var lines []string
	add := func(form string, values ...any) { lines = append(lines, fmt.Sprintf(form, values...)) }
	end := func(index int64) string {
		if index < 0 {
			return "-"
		}
		return fmt.Sprint(index)
	}
	for role, vkeys := range s.cosigners {
		for county, vkey := range vkeys {
			add("%s %s %s", role, county, vkey)
		}
	}
	for name, digest := range s.documents {
		add("document %s %s", name, encodeURL(digest))
	}
	for kid, key := range s.keys {
		y := "-"
		if key.key.y != nil {
			y = encodeURL(key.key.y)
		}
		add("key %s %s %s %s %s %d %d %s %s", kid, key.key.alg, encodeURL(key.key.x), y, strings.Join(key.uses, ","), key.from,
			key.added, end(key.revoked), end(key.voidFrom))
	}
	for name, seconds := range s.rules {
		add("rule %s %d", name, seconds)
	}
	for county, names := range s.supervisors {
		for _, name := range names {
			add("supervisor %s %s", county, name)
		}
	}
	for _, decided := range s.matters {
		add("%s", decided.line())
	}
	sort.Strings(lines)
	first := fmt.Sprintf("tongban-keys/v1\norigin %s\ngenesis %s\nk %d\n", s.origin, encodeURL(s.genesis), s.k)
	return []byte(first + strings.Join(lines, "\n") + "\n")
}

func (s *keyState) digest() []byte { return hash(s.text()) }

// founded makes the first state from the genesis entry.
func founded(raw []byte) *keyState {
	entry, parsed := parseEntry(raw)
	change, ok := parsed.(*memberChange)
	need(ok, "unknown_typ")
	need(change.prev == nil, "bad_payload")
	s := &keyState{
		origin: change.origin, genesis: entry.leaf, keys: map[string]listedKey{},
		cosigners: map[string]map[string]string{"auditor": {}, "witness": {}},
		rules:     map[string]int64{"deposit_s": 300, "heartbeat_s": 60, "iat_ahead_s": 300, "iat_back_s": 86400, "landmark_s": 86400},
		documents: map[string][]byte{}, supervisors: map[string][]string{},
	}
	listed, signed := []string{}, []string{}
	for _, row := range change.members {
		need(len(row.revoke) == 0, "bad_payload")
		for _, value := range row.cosigners {
			need(value != nil, "bad_payload")
		}
		listed = append(listed, row.county)
	}
	s.change(change, 0)
	s.verifyAll(entry.signatures, 0, "govern")
	for _, signature := range entry.signatures {
		signed = append(signed, county(signature.kid))
	}
	need(slices.Equal(listed, signed), "not_enough_signers")
	return s
}

// follow takes the next member or rule entry of the chain.
func (s *keyState) follow(raw []byte, index int64) {
	entry, parsed := parseEntry(raw)
	member, isMember := parsed.(*memberChange)
	rule, isRule := parsed.(*ruleChange)
	need(isMember || isRule, "unknown_typ")
	need(int64(len(entry.signatures)) >= s.k, "not_enough_signers")
	s.verifyAll(entry.signatures, index, "govern")
	if isMember {
		need(bytes.Equal(member.prev, s.digest()), "stale_prev")
		s.change(member, index)
		return
	}
	need(bytes.Equal(rule.prev, s.digest()), "stale_prev")
	if rule.matters != nil {
		s.changeList(rule.matters, rule.iat+s.rules["iat_back_s"])
	}
	maps.Copy(s.rules, rule.rules)
	maps.Copy(s.documents, rule.documents)
	maps.Copy(s.supervisors, rule.supervisors)
}

func (s *keyState) change(entry *memberChange, index int64) {
	for _, row := range entry.members {
		for _, revoked := range row.revoke {
			s.revoke(revoked, index)
		}
		for _, key := range row.keys {
			_, used := s.keys[key.kid]
			need(!used, "kid_used")
			s.keys[key.kid] = listedKey{key, index, -1, -1}
		}
		for role, value := range row.cosigners {
			if value == nil {
				delete(s.cosigners[role], row.county)
			} else {
				s.cosigners[role][row.county] = value.(string)
			}
		}
	}
	public, governing := map[string]bool{}, map[string]bool{}
	list := func(key []byte) { need(!public[string(key)], "kid_used"); public[string(key)] = true }
	for _, key := range s.keys {
		list(key.key.x)
		if key.revoked < 0 && slices.Contains(key.uses, "govern") {
			governing[county(key.kid)] = true
		}
	}
	for _, vkeys := range s.cosigners {
		for _, text := range vkeys {
			list(parseVkey(text).key)
		}
	}
	s.k = entry.k
	need(1 <= s.k && s.k <= int64(len(governing)), "wrong_target")
}

func (s *keyState) revoke(r revokedKey, index int64) {
	key, known := s.keys[r.kid]
	need(known && r.voidFrom <= index, "wrong_target")
	if key.revoked < 0 {
		key.revoked = index
	} else { // a compromise that came to light later
		need(r.voidFrom >= 0 && (key.voidFrom < 0 || r.voidFrom < key.voidFrom), "wrong_target")
	}
	if r.voidFrom >= 0 {
		key.voidFrom = r.voidFrom
	}
	s.keys[r.kid] = key
}

// keyFor gives the key of a kid that may do `use` at an index, and whether it was void there.
func (s *keyState) keyFor(kid string, index int64, use string) (key listedKey, void bool) {
	key, known := s.keys[kid]
	need(known, "unknown_kid")
	active := key.added < index || key.added == 0 && index == 0
	need(active && (key.revoked < 0 || key.revoked > index), "key_not_active")
	need(slices.Contains(key.uses, use), "key_use")
	return key, key.voidFrom >= 0 && index >= key.voidFrom
}

func (s *keyState) verifyAll(signatures []signature, index int64, use string) {
	keys := make([]listedKey, len(signatures))
	for i, signature := range signatures {
		key, void := s.keyFor(signature.kid, index, use)
		need(!void, "key_not_active")
		keys[i] = key
	}
	for i, signature := range signatures {
		signature.check(keys[i].key)
	}
}

func (s signature) check(key publicKey) {
	need(key.alg == s.alg && key.verify(s.message, s.signature), "bad_signature")
}
