package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

const (
	maxEntry = 16384
	maxList  = 256
)

var (
	countyForm   = regexp.MustCompile(`^[0-9]{6}$`)
	kidForm      = regexp.MustCompile(`^[0-9]{6}#[1-9][0-9]{0,5}$`)
	vctForm      = regexp.MustCompile(`^urn:tongban:license:[0-9A-Z]{21}$`)
	digestForm   = regexp.MustCompile(`^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$`)
	originForm   = regexp.MustCompile(`^[!-*,-~]{1,255}$`)
	vkeyForm     = regexp.MustCompile(`^[!-~]{1,512}$`)
	documentForm = regexp.MustCompile(`^(policy|matters|urn:tongban:license:[0-9A-Z]{21})$`)
	sdAlgForm    = regexp.MustCompile(`^sha-256$`)
	reasonForm   = regexp.MustCompile(`^[0-9]{2}$`)

	uses    = []string{"client", "govern", "journal", "seal"}
	rules   = []string{"deposit_s", "heartbeat_s", "iat_ahead_s", "iat_back_s", "landmark_s"}
	roles   = []string{"auditor", "witness"}
	reasons = [][]string{{"01"}, {"03", "04", "05", "07", "99"}, {"02", "06", "99"}, {"01"}} // by `to`
	forms   = map[string]func(*jws) any{                                                     // typ, and whether it is a general JWS
		"dc+sd-jwt":            func(j *jws) any { return parseSeal(j) },
		"lic-status+jwt":       func(j *jws) any { parseStatus(j); return nil },
		"lic-head+jwt":         func(j *jws) any { return parseHead(j) },
		"lic-member+jwt (all)": func(j *jws) any { return parseMember(j) },
		"lic-rule+jwt (all)":   func(j *jws) any { return parseRule(j) },
	}
)

type signature struct {
	kid, alg           string
	message, signature []byte
}

type jws struct {
	typ        string
	general    bool
	payload    *object
	signatures []signature
	leaf       []byte
}

func county(kid string) string { before, _, _ := strings.Cut(kid, "#"); return before }

// parseJWS reads a compact or general JWS; its signatures are not checked.
func parseJWS(raw []byte) *jws {
	need(1 <= len(raw) && len(raw) <= maxEntry, "too_large")
	read := &jws{leaf: leafHash(raw), general: raw[0] == '{'}
	var payload string
	if read.general {
		payload = read.parseGeneral(raw)
	} else {
		need(!slices.ContainsFunc(raw, func(c byte) bool { return c >= 0x80 }), "bad_encoding")
		parts := strings.Split(string(raw), ".")
		need(len(parts) == 3, "bad_encoding")
		payload = parts[1]
		read.addSignature(parts[0], payload, parts[2])
	}
	var ok bool
	read.payload, ok = parseJSON(decodeURL(payload, -1), maxEntry).(*object)
	need(ok, "bad_payload")
	return read
}

func (j *jws) parseGeneral(raw []byte) string {
	document := closed(parseJSON(raw, maxEntry), "bad_payload", []string{"payload", "signatures"})
	payload := document.text("payload", nil, "bad_encoding")
	rows := document.list("signatures", 64, "bad_encoding")
	need(len(rows) > 0, "bad_encoding")
	for _, row := range rows {
		obj := closed(row, "bad_payload", []string{"protected", "signature"})
		obj.text("protected", nil, "bad_encoding")
		obj.text("signature", nil, "bad_encoding")
		need(obj.names[0] == "protected", "bad_encoding")
	}
	need(document.names[0] == "payload" && bytes.Equal(canonical(document), raw), "bad_encoding")
	var counties, typs []string
	for i, row := range rows {
		obj := row.(*object)
		j.addSignature(obj.values["protected"].(string), payload, obj.values["signature"].(string))
		typs, counties = append(typs, j.typ), append(counties, county(j.signatures[i].kid))
	}
	need(len(slices.Compact(typs)) == 1 && ascending(counties), "bad_header")
	return payload
}

func (j *jws) addSignature(header, payload, text string) {
	need(len([]rune(header)) <= 1024, "bad_header")
	obj, ok := parseJSON(decodeURL(header, -1), 1024).(*object)
	need(ok && len(obj.names) == 3 && obj.has("alg") && obj.has("typ") && obj.has("kid"), "bad_header")
	alg := obj.text("alg", nil, "unknown_alg")
	_, known := suites[alg]
	need(known, "unknown_alg")
	typ, kid := obj.text("typ", nil, "bad_header"), obj.text("kid", nil, "bad_header")
	need(len([]rune(typ)) <= 512 && len([]rune(kid)) <= 512, "bad_header")
	blob := decodeURL(text, 64)
	need(!isHighS(alg, blob), "es256_high_s")
	j.typ = typ
	j.signatures = append(j.signatures, signature{kid, alg, []byte(header + "." + payload), blob})
}

func ascending(values []string) bool {
	return slices.IsSorted(values) && len(slices.Compact(slices.Clone(values))) == len(values)
}

// parseEntry reads an entry of any of the five types: *seal, *head, *memberChange, *ruleChange, or nil for a status.
func parseEntry(raw []byte) (*jws, any) {
	read := parseJWS(raw)
	name := read.typ
	if read.general {
		name += " (all)"
	}
	form, known := forms[name]
	need(known, "unknown_typ")
	return read, form(read)
}

type seal struct {
	iss                     string
	iat, notBefore, expires int64 // expires: -1 is no end
	digests                 []string
}

func issuer(j *jws) string {
	iss := j.payload.text("iss", countyForm, "bad_payload")
	kid := j.signatures[0].kid
	need(kidForm.MatchString(kid) && county(kid) == iss, "bad_header")
	return iss
}

func parseSeal(j *jws) *seal {
	p := closed(j.payload, "bad_payload", []string{"iss", "vct", "iat", "_sd_alg", "_sd"}, "nbf", "exp", "cnf")
	p.text("_sd_alg", sdAlgForm, "bad_payload")
	s := &seal{iat: p.time("iat"), expires: -1}
	s.notBefore = s.iat
	if p.has("nbf") {
		s.notBefore = p.time("nbf")
	}
	s.iss = issuer(j)
	p.text("vct", vctForm, "bad_payload")
	if p.has("exp") {
		s.expires = p.integer("exp", max(s.iat, s.notBefore)+1, maxInteger)
	}
	for _, value := range p.list("_sd", 64, "bad_payload") {
		digest, ok := value.(string)
		need(ok && digestForm.MatchString(digest), "bad_payload")
		s.digests = append(s.digests, digest)
	}
	need(len(s.digests) > 0 && len(s.digests)%4 == 0 && ascending(s.digests), "bad_payload")
	if p.has("cnf") {
		confirmedKey(p.values["cnf"])
	}
	return s
}

func confirmedKey(cnf any) publicKey {
	holder := closed(cnf, "bad_payload", []string{"jwk"})
	jwk := closed(holder.values["jwk"], "bad_payload", []string{"kty", "crv", "x"}, "y")
	kind := jwk.text("kty", nil, "unknown_alg") + " " + jwk.text("crv", nil, "unknown_alg")
	alg, known := map[string]string{"OKP Ed25519": "Ed25519", "EC P-256": "ES256"}[kind]
	need(known, "unknown_alg")
	var y []byte
	if jwk.has("y") {
		y = jwk.digest("y")
	}
	return loadKey(alg, jwk.digest("x"), y)
}

func parseStatus(j *jws) {
	p := closed(j.payload, "bad_payload", []string{"iss", "of", "leaf", "to", "reason", "iat"}, "by")
	to := p.integer("to", 0, 3)
	need(slices.Contains(reasons[to], p.text("reason", reasonForm, "bad_payload")), "bad_payload")
	need(p.has("by") == (to == 3), "bad_payload")
	issuer(j)
	p.time("of")
	p.digest("leaf")
	if p.has("by") {
		p.time("by")
	}
	p.time("iat")
}

type head struct {
	n          int64
	root, keys []byte
}

func parseHead(j *jws) *head {
	p := closed(j.payload, "bad_payload", []string{"n", "root", "keys", "journal"})
	journal := closed(p.values["journal"], "bad_payload", []string{"n", "root"})
	h := &head{p.integer("n", 1, maxInteger), p.digest("root"), p.digest("keys")}
	journal.time("n")
	journal.digest("root")
	return h
}

type addedKey struct {
	kid  string
	key  publicKey
	uses []string
	from int64
}

type revokedKey struct {
	kid      string
	voidFrom int64 // -1: none
}

type memberRow struct {
	county    string
	keys      []addedKey
	revoke    []revokedKey
	cosigners map[string]any // role: vkey, or nil to remove
}

type memberChange struct {
	k       int64
	members []memberRow
	origin  string
	prev    []byte // nil: genesis
}

func parseMember(j *jws) *memberChange {
	p := closed(j.payload, "bad_payload", []string{"v", "iat", "k", "members"}, "origin", "prev")
	p.integer("v", 1, 1)
	need(p.has("origin") != p.has("prev"), "bad_payload")
	change := &memberChange{}
	var counties []string
	for _, value := range p.list("members", maxList, "bad_payload") {
		row := parseRow(value)
		change.members, counties = append(change.members, row), append(counties, row.county)
	}
	need(ascending(counties), "bad_payload")
	p.time("iat")
	change.k = p.integer("k", 1, 64)
	if p.has("origin") {
		change.origin = p.text("origin", originForm, "bad_payload")
	} else {
		change.prev = p.digest("prev")
	}
	return change
}

func parseRow(value any) memberRow {
	p := closed(value, "bad_payload", []string{"county"}, "keys", "revoke", "witness", "auditor")
	row := memberRow{county: p.text("county", countyForm, "bad_payload"), cosigners: map[string]any{}}
	var added, revoked []string
	if p.has("keys") {
		for _, value := range p.list("keys", maxList, "bad_payload") {
			key := parseAddedKey(value)
			row.keys, added = append(row.keys, key), append(added, key.kid)
		}
	}
	if p.has("revoke") {
		for _, value := range p.list("revoke", maxList, "bad_payload") {
			obj := closed(value, "bad_payload", []string{"kid"}, "void_from")
			key := revokedKey{obj.text("kid", kidForm, "bad_payload"), -1}
			if obj.has("void_from") {
				key.voidFrom = obj.time("void_from")
			}
			row.revoke, revoked = append(row.revoke, key), append(revoked, key.kid)
		}
	}
	need(ascending(added) && ascending(revoked), "bad_payload")
	for _, kid := range slices.Concat(added, revoked) {
		need(county(kid) == row.county, "bad_payload")
	}
	for _, role := range roles {
		if !p.has(role) {
			continue
		}
		row.cosigners[role] = p.values[role]
		if p.values[role] != nil {
			need(parseVkey(p.text(role, vkeyForm, "bad_payload")).kind == cosignature, "bad_vkey")
		}
	}
	return row
}

func parseAddedKey(value any) addedKey {
	p := closed(value, "bad_payload", []string{"kid", "alg", "x", "uses", "from"}, "y")
	key := addedKey{}
	alg := p.text("alg", nil, "unknown_alg")
	for _, value := range p.list("uses", len(uses), "bad_payload") {
		use, ok := value.(string)
		need(ok && slices.Contains(uses, use), "bad_payload")
		key.uses = append(key.uses, use)
	}
	need(len(key.uses) > 0 && ascending(key.uses), "bad_payload")
	var y []byte
	if p.has("y") {
		y = p.digest("y")
	}
	key.kid = p.text("kid", kidForm, "bad_payload")
	key.key = loadKey(alg, p.digest("x"), y)
	key.from = p.time("from")
	return key
}

type ruleChange struct {
	iat         int64
	prev        []byte
	rules       map[string]int64
	documents   map[string][]byte
	supervisors map[string][]string
	matters     *listChange
}

func parseRule(j *jws) *ruleChange {
	p := closed(j.payload, "bad_payload", []string{"v", "iat", "prev", "set"})
	p.integer("v", 1, 1)
	set := closed(p.values["set"], "bad_payload", nil, append(slices.Clone(rules), "documents", "supervisors", "matters")...)
	need(len(set.names) > 0, "bad_payload")
	change := &ruleChange{p.time("iat"), p.digest("prev"), map[string]int64{}, map[string][]byte{}, map[string][]string{}, nil}
	for _, name := range rules {
		if set.has(name) {
			change.rules[name] = set.integer(name, 1, maxInteger)
		}
	}
	for _, name := range table(set, "documents").names {
		need(documentForm.MatchString(name), "bad_payload")
		change.documents[name] = table(set, "documents").digest(name)
	}
	for _, name := range table(set, "supervisors").names {
		names := []string{}
		for _, value := range table(set, "supervisors").list(name, maxList, "bad_payload") {
			text, ok := value.(string)
			need(ok && countyForm.MatchString(text), "bad_payload")
			names = append(names, text)
		}
		need(countyForm.MatchString(name) && ascending(names), "bad_payload")
		change.supervisors[name] = names
	}
	if set.has("matters") {
		change.matters = parseList(set.values["matters"])
		_, bound := change.documents["matters"]
		need(len(change.matters.begin) == 0 || bound, "bad_payload")
	}
	return change
}

func table(set *object, name string) *object {
	if !set.has(name) {
		return &object{}
	}
	obj, ok := set.values[name].(*object)
	need(ok && 0 < len(obj.names) && len(obj.names) <= maxList, "bad_payload")
	return obj
}
