package main

import (
	"bytes"
	"regexp"
	"sort"
	"sync"
)

// An answer as it goes over the wire: the messages behind RUN and behind PULL, whole.
type answer struct {
	run     []byte
	records [][]byte
	end     []byte
}

// A statement as RUN carries it. mode: "r" if the client reads.
type statement struct {
	text   string
	params []byte
	reads  bool
}

// The statements of a look-up: of a holder or a matter, and without a clause that writes.
var (
	looksUp = regexp.MustCompile(`:Holder|:Matter\b`)
	writes  = regexp.MustCompile(`\b(CREATE|MERGE|SET|DELETE|REMOVE|FOREACH|LOAD)\b`)
)

// answers remembers what the engine answered, by the exact statement: text and parameters.
//
// A statement with a list parameter `ks` of maps, each with its number `i0`, asks for many at once, and is answered by
// one record with one list of pairs [i0, x]. It is remembered key by key, so that any later mixture of keys is known.
type answers struct {
	lock   sync.RWMutex
	whole  map[string]*answer
	parts  map[string][]byte
	frames map[string]*answer
	hits   int
	missed map[string]int
}

func newAnswers() *answers {
	return &answers{
		whole: map[string]*answer{}, parts: map[string][]byte{}, frames: map[string]*answer{}, missed: map[string]int{},
	}
}

func (known *answers) find(asked statement) *answer {
	known.lock.Lock()
	defer known.lock.Unlock()
	found := known.found(asked)
	if found != nil {
		known.hits++
	} else {
		known.missed[asked.text]++
	}
	return found
}

func (known *answers) found(asked statement) *answer {
	keys, numbers := split(asked)
	if keys == nil {
		return known.whole[asked.text+"\x00"+string(asked.params)]
	}
	frame := known.frames[asked.text]
	if frame == nil {
		return nil
	}
	record := append([]byte{0xb1, 0x71, 0x91}, listHeader(len(keys))...)
	for place, key := range keys {
		part, there := known.parts[key]
		if !there {
			return nil
		}
		record = append(append(append(record, 0x92), numbers[place]...), part...)
	}
	return &answer{run: frame.run, records: [][]byte{record}, end: frame.end}
}

func (known *answers) learn(asked statement, given *answer) {
	known.lock.Lock()
	defer known.lock.Unlock()
	keys, numbers := split(asked)
	if keys == nil {
		known.whole[asked.text+"\x00"+string(asked.params)] = given
		return
	}
	if len(given.records) != 1 || !bytes.HasPrefix(given.records[0], []byte{0xb1, 0x71, 0x91}) {
		return
	}
	known.frames[asked.text] = &answer{run: given.run, end: given.end}
	for _, raw := range items(given.records[0][3:]) {
		pair := items(raw)
		if len(pair) != 2 {
			return
		}
		for place, number := range numbers {
			if bytes.Equal(number, pair[0]) {
				known.parts[keys[place]] = pair[1]
			}
		}
	}
}

// split gives, of a statement that asks for many, what each key is remembered by, and each key's number; else nil.
func split(asked statement) (keys []string, numbers [][]byte) {
	names, values := entries(asked.params)
	shared, many := asked.text, []byte(nil)
	for place, name := range names {
		if name == "ks" {
			many = values[place]
		} else {
			shared += "\x00" + name + "=" + string(values[place])
		}
	}
	if many == nil {
		return nil, nil
	}
	for _, each := range items(many) {
		key := shared
		var number []byte
		own, raw := entries(each)
		for place, name := range own {
			if name == "i0" {
				number = raw[place]
			} else {
				key += "\x00" + name + ":" + string(raw[place])
			}
		}
		if number == nil {
			return nil, nil
		}
		keys, numbers = append(keys, key), append(numbers, number)
	}
	return keys, numbers
}

func (asked statement) isLookUp() bool {
	return asked.reads && looksUp.MatchString(asked.text) && !writes.MatchString(asked.text)
}

// counts tells how many look-ups were answered from memory, how many went to the engine, and of which texts those were.
func (known *answers) counts(reset bool) map[string]any {
	known.lock.Lock()
	defer known.lock.Unlock()
	texts, misses := []string{}, 0
	for text, count := range known.missed {
		texts, misses = append(texts, text), misses+count
	}
	sort.Strings(texts)
	told := map[string]any{"hits": known.hits, "misses": misses, "texts": texts[:min(len(texts), 20)]}
	if reset {
		known.hits, known.missed = 0, map[string]int{}
	}
	return told
}
