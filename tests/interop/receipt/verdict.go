package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const maxReceipt = 512 * 1024

var (
	jwtForm  = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)
	reserved = strings.Fields("_sd _sd_alg ... iss vct iat nbf exp cnf sub aud jti status")
	statuses = []string{"VALID", "REVOKED", "SUSPENDED", "SUPERSEDED"}
)

type keyEntry struct {
	Index int64  `json:"index"`
	Entry string `json:"entry"`
}

// synced is what a verifier fetched before it went offline: a checkpoint with the statuses below it.
type synced struct {
	Checkpoint, Statuses []byte
	Head                 string
	Path                 [][]byte
	Keys                 []keyEntry
}

// request is one receipt, and what the verifier was given beside it.
type request struct {
	Name                     string
	Receipt, Policy, Genesis []byte
	Now, MaxAge              int64
	KnownKeys                []keyEntry
	Holder                   *struct{ Aud, Nonce string }
	Synced                   *synced
}

type verdict struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	Step    int    `json:"step"` // the first that failed, 0 for VALID
	Code    string `json:"code"`
	Time    int64  `json:"time"` // T, 0 before step 4
}

// examination is one receipt on its way through the steps.
type examination struct {
	*request
	policy *policy
	keys   *keyState
	newer  *newer

	sdJWT, proofText     string
	headJWS              string
	headPath, statusPath [][]byte
	tile                 []byte
	brought              []keyEntry
	index                int64
	path                 [][]byte
	checkpoint           *checkpoint
	entry                *jws
	seal                 *seal
	log                  *vkey
	times                map[*vkey]int64
	time                 int64
	head                 *head
	disclosures          []string
	keyBinding           string
	void                 bool
	status               int
}

// judge takes the 14 steps; a policy, genesis or sync that cannot be used is a fault of the caller.
func judge(r *request) *verdict {
	e := &examination{request: r, policy: parsePolicy(r.Policy), keys: founded(r.Genesis)}
	e.newer = e.readSync()
	found := &verdict{Name: r.Name}
	steps := []func(){
		e.parse, e.readEntry, e.checkLog, e.checkQuorum, e.checkInclusion, e.checkHead, e.checkKeys, e.checkIssuer,
		e.checkDisclosures, e.checkHolder, e.checkStatusProof,
	}
	for i, step := range steps {
		if code := attempt(step); code != "" {
			found.Outcome, found.Step, found.Code, found.Time = "FORGED", i+1, code, e.time
			switch {
			case i+1 == 1:
				found.Code = "malformed"
			case code == "no_quorum":
				found.Outcome = "UNWITNESSED"
			case code == "keys_behind":
				found.Outcome = "STALE"
			}
			return found
		}
	}
	found.Outcome, found.Step, found.Code = e.findings()
	found.Time = e.time
	return found
}

func attempt(step func()) (code string) {
	defer func() {
		if caught := recover(); caught != nil {
			code = string(caught.(fault))
		}
	}()
	step()
	return ""
}

func ordered(value any, code string, names ...string) *object {
	obj := closed(value, code, names)
	need(slices.Equal(obj.names, names), code)
	return obj
}

func runes(text string, most int) string {
	need(utf8.RuneCountInString(text) <= most, "too_large")
	return text
}

func hashes(texts []any) (read [][]byte) {
	need(len(texts) <= maxPath, "bad_proof_form")
	for _, value := range texts {
		text, ok := value.(string)
		need(ok, "bad_receipt")
		read = append(read, decode(text, 32))
	}
	return read
}

func (e *examination) parse() { // 1
	document := parseJSON(e.Receipt, maxReceipt)
	need(bytes.Equal(canonical(document), e.Receipt), "bad_json")
	names := []string{"v", "sd_jwt", "proof", "head", "status"}
	if obj, ok := document.(*object); ok && obj.has("keys") {
		names = append(names, "keys")
	}
	r := ordered(document, "bad_receipt", names...)
	r.integer("v", 1, 1)
	head := ordered(r.values["head"], "bad_receipt", "jws", "path")
	status := ordered(r.values["status"], "bad_receipt", "tile", "path")
	e.sdJWT = runes(r.text("sd_jwt", nil, "bad_receipt"), 65536)
	e.parseProof(r.text("proof", nil, "bad_receipt"))
	e.headJWS = runes(head.text("jws", nil, "bad_receipt"), maxEntry)
	e.headPath = hashes(head.list("path", maxPath, "bad_receipt"))
	e.tile = decode(status.text("tile", nil, "bad_receipt"), 64)
	e.statusPath = hashes(status.list("path", maxPath, "bad_receipt"))
	if !r.has("keys") {
		return
	}
	last := int64(0)
	for _, value := range r.list("keys", 256, "bad_receipt") {
		row := ordered(value, "bad_receipt", "index", "entry")
		index := row.integer("index", last+1, maxInteger)
		e.brought = append(e.brought, keyEntry{index, runes(row.text("entry", nil, "bad_receipt"), maxEntry)})
		last = index
	}
	need(len(e.brought) > 0, "bad_receipt")
}

func (e *examination) parseProof(text string) {
	need(len(text) <= 4096+maxNote, "too_large")
	before, note, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(before, "\n")
	need(len(lines) >= 2 && lines[0] == "c2sp.org/tlog-proof@v1", "bad_proof_form")
	index, ok := strings.CutPrefix(lines[1], "index ")
	need(ok, "bad_proof_form")
	e.index, e.checkpoint = decimal(index), parseCheckpoint([]byte(note))
	need(len(lines) <= 2+maxPath, "bad_proof_form")
	for _, line := range lines[2:] {
		e.path = append(e.path, decode(line, 32))
	}
}

func (e *examination) readEntry() { // 2
	text, _, _ := strings.Cut(e.sdJWT, "~")
	entry, parsed := parseEntry([]byte(text))
	seal, ok := parsed.(*seal)
	need(ok, "unknown_typ")
	e.entry, e.seal = entry, seal
}

func (e *examination) checkLog() { // 3
	e.log, e.times = e.checkpoint.verify(e.policy)
	if s := e.newer; s != nil && s.size == e.checkpoint.size {
		need(bytes.Equal(s.root, e.checkpoint.root), "bad_consistency") // another tree was synced: a fork
	}
}

func (e *examination) checkQuorum() { e.time = e.policy.quorumTime(e.times, e.Now) } // 4

func (e *examination) checkInclusion() { // 5
	need(included(e.entry.leaf, e.index, e.checkpoint.size, e.path, e.checkpoint.root), "bad_inclusion")
}

func (e *examination) checkHead() { // 6
	e.head = headOf(e.checkpoint, e.log, e.headJWS, e.headPath)
	need(e.index < e.head.n, "bad_head")
}

func headOf(c *checkpoint, log *vkey, text string, path [][]byte) *head {
	entry := parseJWS([]byte(text))
	need(entry.typ == "lic-head+jwt" && !entry.general, "unknown_typ")
	h, s := parseHead(entry), entry.signatures[0]
	need(s.kid == c.origin && s.alg == "Ed25519" && h.n == c.size-1, "bad_head")
	s.check(publicKey{alg: "Ed25519", x: log.key})
	need(included(entry.leaf, c.size-1, c.size, path, c.root), "bad_inclusion")
	return h
}

func (e *examination) checkKeys() { // 7
	e.keys.bind(e.head, e.checkpoint.origin, e.brought, e.KnownKeys)
}

// bind follows the chain to the state that a head names.
func (s *keyState) bind(h *head, origin string, brought, known []keyEntry) {
	need(origin == s.origin, "bad_head")
	entries := map[int64]string{}
	for _, row := range known {
		if row.Index < h.n {
			entries[row.Index] = row.Entry
		}
	}
	for _, row := range brought {
		need(row.Index < h.n, "bad_head")
		text, there := entries[row.Index]
		need(!there || text == row.Entry, "bad_consistency")
		entries[row.Index] = row.Entry
	}
	var indexes []int64
	for index := range entries {
		indexes = append(indexes, index)
	}
	slices.Sort(indexes)
	for _, index := range indexes {
		s.follow([]byte(entries[index]), index)
	}
	need(bytes.Equal(s.digest(), h.keys), "keys_behind")
}

func (e *examination) checkIssuer() { // 8
	s := e.entry.signatures[0]
	key, void := e.keys.keyFor(s.kid, e.index, "seal")
	s.check(key.key)
	need(e.seal.iat <= e.time+ahead, "bad_signature")
	e.void = void
}

func (e *examination) checkDisclosures() { // 9
	parts := strings.Split(e.sdJWT, "~")
	last := len(parts) - 1
	need(last >= 1 && jwtForm.MatchString(parts[0]), "bad_disclosure_form")
	e.keyBinding = parts[last]
	need(e.keyBinding == "" || jwtForm.MatchString(e.keyBinding), "bad_disclosure_form")
	e.disclosures = parts[1:last]
	need(len(e.disclosures) <= 64, "too_large")
	var names []string
	for _, text := range e.disclosures {
		names = append(names, disclosedName(text))
	}
	left := slices.Clone(e.seal.digests)
	for i, text := range e.disclosures {
		at := slices.Index(left, encodeURL(hash([]byte(text))))
		need(at >= 0 && !slices.Contains(names[:i], names[i]), "bad_disclosure")
		left = slices.Delete(left, at, at+1)
	}
}

func disclosedName(text string) string {
	runes(text, 8192)
	array, ok := parseJSON(decodeURL(text, -1), 8192).([]any)
	need(ok && len(array) == 3, "bad_disclosure_form")
	_, isSalt := array[0].(string)
	name, isName := array[1].(string)
	need(isSalt && isName && !slices.Contains(reserved, name) && !hasParts(array[2]), "bad_disclosure_form")
	return name
}

func hasParts(value any) bool {
	switch v := value.(type) {
	case *object:
		for _, inner := range v.values {
			if hasParts(inner) {
				return true
			}
		}
		return v.has("_sd") || v.has("...")
	case []any:
		return slices.ContainsFunc(v, hasParts)
	}
	return false
}

func (e *examination) checkHolder() { // 10
	if e.Holder == nil {
		return
	}
	guard("holder_binding", func() bool {
		need(e.keyBinding != "" && e.entry.payload.has("cnf"), "holder_binding")
		key := confirmedKey(e.entry.payload.values["cnf"])
		parts := strings.Split(e.keyBinding, ".")
		header := closed(parseJSON(decodeURL(parts[0], -1), 4096), "bad_header", []string{"alg", "typ"})
		need(header.values["alg"] == key.alg && header.values["typ"] == "kb+jwt", "bad_header")
		need(key.verify([]byte(parts[0]+"."+parts[1]), decodeURL(parts[2], 64)), "holder_binding")
		bound := closed(parseJSON(decodeURL(parts[1], -1), 4096), "bad_payload", []string{"iat", "aud", "nonce", "sd_hash"})
		unbound := strings.TrimSuffix(e.sdJWT, e.keyBinding)
		need(bound.values["aud"] == e.Holder.Aud && bound.values["nonce"] == e.Holder.Nonce, "holder_binding")
		need(bound.values["sd_hash"] == encodeURL(hash([]byte(unbound))), "holder_binding")
		iat := bound.time("iat")
		need(iat-300 <= e.Now && e.Now <= iat+300, "holder_binding")
		return true
	})
}

func (e *examination) checkStatusProof() { // 11
	need(included(leafHash(e.tile), e.index/256, (e.head.n+255)/256, e.statusPath, e.head.root), "bad_status_proof")
	e.status = int(e.tile[e.index%256/4]>>(2*(e.index%4))) & 3
}

// findings are the steps 12-14, of which the first to find something says the outcome.
func (e *examination) findings() (outcome string, step int, code string) {
	e.applySync()
	switch s := e.seal; {
	case e.void:
		return "REVOKED", 12, "key_void"
	case e.status != 0:
		return statuses[e.status], 12, strings.ToLower(statuses[e.status])
	case e.Now < s.notBefore-ahead:
		return "EXPIRED", 13, "not_yet_valid"
	case s.expires >= 0 && e.Now >= s.expires:
		return "EXPIRED", 13, "expired"
	case e.Now-e.time > e.MaxAge:
		return "STALE", 14, "stale"
	}
	return "VALID", 0, "valid"
}

// newer is a checked sync: what its head covers, the tree, T, and the status array.
type newer struct {
	n, size, time int64
	root, array   []byte
}

// readSync checks the synced parts as those of a receipt; a sync that does not hold is a fault of the caller.
func (e *examination) readSync() *newer {
	if e.Synced == nil {
		return nil
	}
	c := parseCheckpoint(e.Synced.Checkpoint)
	log, times := c.verify(e.policy)
	time := e.policy.quorumTime(times, e.Now)
	h := headOf(c, log, e.Synced.Head, e.Synced.Path)
	founded(e.Genesis).bind(h, c.origin, nil, e.Synced.Keys)
	array := e.Synced.Statuses
	need(int64(len(array)) == (h.n+3)/4 && (h.n%4 == 0 || array[len(array)-1]>>(2*(h.n%4)) == 0), "bad_status_proof")
	var leaves [][]byte
	for start := 0; start < len(array); start += 64 {
		tile := make([]byte, 64)
		copy(tile, array[start:])
		leaves = append(leaves, leafHash(tile))
	}
	need(bytes.Equal(treeHash(leaves), h.root), "bad_status_proof")
	return &newer{h.n, c.size, time, c.root, array}
}

// applySync takes the status, and T, from the newer of receipt and sync.
func (e *examination) applySync() {
	s := e.newer
	if s == nil || s.n < e.head.n {
		return
	}
	e.status = int(s.array[e.index/4]>>(2*(e.index%4))) & 3
	if s.n > e.head.n || s.time > e.time {
		e.time = s.time
	}
}
