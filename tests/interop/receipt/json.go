package main

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// fault is an error code of the README; whatever is refused panics with one, and a step recovers it.
type fault string

// need refuses with a code unless something holds.
func need(holds bool, code string) {
	if !holds {
		panic(fault(code))
	}
}

const (
	maxDepth   = 8
	maxInteger = 1<<53 - 1
)

// object is a JSON object in the order of its text. Other values: nil, bool, int64, float64, string, []any.
type object struct {
	names  []string
	values map[string]any
}

type parser struct {
	text      []byte
	at        int
	surrogate bool // a lone surrogate came: told when all else was found to be right
}

var numberForm = regexp.MustCompile(`^-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?`)

// parseJSON reads one value by the README's rules for JSON, in their order.
func parseJSON(text []byte, maxBytes int) any {
	need(len(text) <= maxBytes, "too_large")
	need(utf8.Valid(text), "bad_encoding")
	checkDepth(text)
	p := &parser{text: text}
	p.space()
	value := p.value()
	p.space()
	need(p.at == len(text), "bad_json")
	need(!p.surrogate, "bad_encoding")
	return value
}

func checkDepth(text []byte) {
	depth, inside := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case !inside && (c == '[' || c == '{'):
			depth++
			need(depth <= maxDepth, "bad_json")
		case !inside && (c == ']' || c == '}'):
			depth--
		}
	}
}

func (p *parser) space() {
	for p.at < len(p.text) && bytes.IndexByte([]byte(" \t\r\n"), p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) take(word string) bool {
	if bytes.HasPrefix(p.text[p.at:], []byte(word)) {
		p.at += len(word)
		return true
	}
	return false
}

func (p *parser) value() any {
	switch {
	case p.take("{"):
		return p.object()
	case p.take("["):
		return p.array()
	case p.take(`"`):
		return p.string()
	case p.take("null"):
		return nil
	case p.take("true"):
		return true
	case p.take("false"):
		return false
	case p.take("NaN"), p.take("Infinity"), p.take("-Infinity"):
		panic(fault("bad_number"))
	}
	return p.number()
}

func (p *parser) number() any {
	match := numberForm.FindSubmatch(p.text[p.at:])
	need(match != nil, "bad_json")
	text := string(match[0])
	p.at += len(text)
	if len(match[1])+len(match[2]) > 0 {
		value, _ := strconv.ParseFloat(text, 64)
		need(!math.IsInf(value, 0), "bad_number")
		return value
	}
	value, err := strconv.ParseInt(text, 10, 64)
	need(err == nil && -maxInteger <= value && value <= maxInteger, "bad_number")
	return value
}

func (p *parser) array() any {
	values := []any{}
	p.space()
	if p.take("]") {
		return values
	}
	for {
		p.space()
		values = append(values, p.value())
		p.space()
		if p.take("]") {
			return values
		}
		need(p.take(","), "bad_json")
	}
}

func (p *parser) object() any {
	read, twice := &object{values: map[string]any{}}, false
	p.space()
	for p.space(); !p.take("}"); p.space() {
		need(len(read.names) == 0 || p.take(","), "bad_json")
		p.space()
		need(p.take(`"`), "bad_json")
		name := p.string()
		p.space()
		need(p.take(":"), "bad_json")
		p.space()
		value := p.value()
		_, known := read.values[name]
		twice = twice || known
		read.names, read.values[name] = append(read.names, name), value
	}
	need(!twice, "duplicate_member") // told at the end of the object: a fault inside it comes first
	return read
}

func (p *parser) string() string {
	var read []byte
	for {
		need(p.at < len(p.text) && p.text[p.at] >= 0x20, "bad_json")
		c := p.text[p.at]
		p.at++
		switch c {
		case '"':
			return string(read)
		case '\\':
			read = p.escape(read)
		default:
			read = append(read, c)
		}
	}
}

func (p *parser) escape(read []byte) []byte {
	for _, pair := range []string{`""`, `\\`, `//`, "b\b", "f\f", "n\n", "r\r", "t\t"} {
		if p.take(pair[:1]) {
			return append(read, pair[1])
		}
	}
	need(p.take("u"), "bad_json")
	r := p.hex()
	if utf16.IsSurrogate(r) {
		before := p.at
		if p.take(`\u`) {
			if pair := utf16.DecodeRune(r, p.hex()); pair != utf8.RuneError {
				return utf8.AppendRune(read, pair)
			}
			p.at = before
		}
		p.surrogate = true
	}
	return utf8.AppendRune(read, r)
}

func (p *parser) hex() rune {
	need(p.at+4 <= len(p.text), "bad_json")
	value, err := strconv.ParseUint(string(p.text[p.at:p.at+4]), 16, 16)
	need(err == nil, "bad_json")
	p.at += 4
	return rune(value)
}

// canonical writes JSON in its one canonical form.
func canonical(value any) []byte {
	switch v := value.(type) {
	case *object:
		parts := make([][]byte, len(v.names))
		for i, name := range v.names {
			parts[i] = append(append(quoted(name), ':'), canonical(v.values[name])...)
		}
		return append(append([]byte("{"), bytes.Join(parts, []byte(","))...), '}')
	case []any:
		parts := make([][]byte, len(v))
		for i, element := range v {
			parts[i] = canonical(element)
		}
		return append(append([]byte("["), bytes.Join(parts, []byte(","))...), ']')
	case string:
		return quoted(v)
	case nil:
		return []byte("null")
	}
	return fmt.Append(nil, value) // bool, integer; a float stands nowhere in our formats
}

func quoted(text string) []byte {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}
	written := []byte{'"'}
	for _, r := range text {
		if escape, ok := short[r]; ok {
			written = append(written, escape...)
		} else if r < 0x20 {
			written = fmt.Appendf(written, `\u%04x`, r)
		} else {
			written = utf8.AppendRune(written, r)
		}
	}
	return append(written, '"')
}

// closed takes an object with all required members and none but those and the optional ones.
func closed(value any, code string, required []string, optional ...string) *object {
	obj, ok := value.(*object)
	need(ok, code)
	left := len(obj.names)
	for _, name := range required {
		_, there := obj.values[name]
		need(there, code)
		left--
	}
	for _, name := range optional {
		if obj.has(name) {
			left--
		}
	}
	need(left == 0, "unknown_member")
	return obj
}

func (o *object) has(name string) bool {
	_, there := o.values[name]
	return there
}

func (o *object) integer(name string, least, most int64) int64 {
	value, ok := o.values[name].(int64)
	need(ok && least <= value && value <= most, "bad_number")
	return value
}

func (o *object) time(name string) int64 { return o.integer(name, 0, maxInteger) }

// text takes a text that matches a form as a whole; a nil form matches any.
func (o *object) text(name string, form *regexp.Regexp, code string) string {
	value, ok := o.values[name].(string)
	need(ok && (form == nil || form.MatchString(value)), code)
	return value
}

func (o *object) digest(name string) []byte { return decodeURL(o.text(name, nil, "bad_payload"), 32) }

func (o *object) list(name string, most int, code string) []any {
	value, ok := o.values[name].([]any)
	need(ok && len(value) <= most, code)
	return value
}
