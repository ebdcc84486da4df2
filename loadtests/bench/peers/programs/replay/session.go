package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
)

// Signatures of messages, in Bolt 5.4.
const (
	goodbye   = 0x02
	reset     = 0x0f
	run       = 0x10
	begin     = 0x11
	commit    = 0x12
	rollback  = 0x13
	discard   = 0x2f
	pull      = 0x3f
	telemetry = 0x54
	record    = 0x71
	success   = 0x70
)

const maxMessage = 16 << 20

var (
	magic   = []byte{0x60, 0x60, 0xb0, 0x17}
	bolt54  = []byte{0, 0, 4, 5}
	done    = []byte{0xb1, success, 0xa0}
	hasMore = []byte("\x88has_more\xc3")
	errBolt = errors.New("not Bolt 5.4")
)

// A side is one end of a connection, in messages.
type side struct {
	from *bufio.Reader
	to   *bufio.Writer
}

func sideOf(socket net.Conn) side {
	return side{bufio.NewReaderSize(socket, 1<<16), bufio.NewWriterSize(socket, 1<<16)}
}

func (end side) read() ([]byte, error) {
	var message []byte
	var size [2]byte
	for {
		if _, err := io.ReadFull(end.from, size[:]); err != nil {
			return nil, err
		}
		length := int(binary.BigEndian.Uint16(size[:]))
		if length == 0 {
			if len(message) == 0 {
				continue // keeps the connection alive
			}
			return message, nil
		}
		start := len(message)
		if start+length > maxMessage {
			return nil, errBolt
		}
		message = append(message, make([]byte, length)...)
		if _, err := io.ReadFull(end.from, message[start:]); err != nil {
			return nil, err
		}
	}
}

func (end side) write(message []byte) {
	for len(message) > 0 {
		part := min(len(message), 0xffff)
		_, _ = end.to.Write([]byte{byte(part >> 8), byte(part)})
		_, _ = end.to.Write(message[:part])
		message = message[part:]
	}
	_, _ = end.to.Write([]byte{0, 0})
}

// A session is one client's connection and its own one to the engine.
//
// held: a BEGIN that the engine has not seen, since all was answered here. given: an answer whose PULL is still to come.
// inside, open, failed: the engine has a transaction or a result of this client, or a failure: all goes to it then.
type session struct {
	client, engine       side
	known                *answers
	held                 []byte
	reading              bool
	given                *answer
	inside, open, failed bool
}

func (one *session) apart() bool {
	return one.inside || one.open || one.failed
}

func serve(client net.Conn, address string, known *answers) {
	defer client.Close()
	engine, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer engine.Close()
	_ = client.(*net.TCPConn).SetNoDelay(true)
	one := &session{client: sideOf(client), engine: sideOf(engine), known: known}
	if one.agree() != nil {
		return
	}
	for {
		message, err := one.client.read()
		if err != nil || len(message) < 2 || message[1] == goodbye || one.take(message) != nil {
			return
		}
		if one.client.from.Buffered() == 0 && one.client.to.Flush() != nil {
			return
		}
	}
}

// agree settles on Bolt 5.4 with both sides.
func (one *session) agree() error {
	offer := make([]byte, 20)
	if _, err := io.ReadFull(one.client.from, offer); err != nil || !bytes.Equal(offer[:4], magic) || !offers54(offer[4:]) {
		return errBolt
	}
	_, _ = one.engine.to.Write(append(append(append([]byte{}, magic...), bolt54...), make([]byte, 12)...))
	if err := one.engine.to.Flush(); err != nil {
		return err
	}
	agreed := make([]byte, 4)
	if _, err := io.ReadFull(one.engine.from, agreed); err != nil || !bytes.Equal(agreed, bolt54) {
		return errBolt
	}
	_, _ = one.client.to.Write(bolt54)
	return one.client.to.Flush()
}

// offers54 looks for 5.4 among four proposals: 0, how many minors below, minor, major.
func offers54(offer []byte) bool {
	for ; len(offer) >= 4; offer = offer[4:] {
		if offer[3] == 5 && offer[2] >= 4 && offer[2]-min(offer[1], offer[2]) <= 4 {
			return true
		}
	}
	return false
}

func (one *session) take(message []byte) error {
	switch message[1] {
	case telemetry:
		one.client.write(done)
		return nil
	case reset:
		one.held, one.given = nil, nil
		if !one.apart() {
			one.client.write(done)
			return nil
		}
	case begin:
		if !one.apart() {
			one.held, one.reading = message, bytes.Contains(message, []byte("\x84mode\x81r"))
			one.client.write(done)
			return nil
		}
	case run:
		return one.run(message)
	case pull, discard:
		if given := one.given; given != nil {
			one.give(given, message[1] == pull)
			return nil
		}
	case commit, rollback:
		if one.held != nil {
			one.held = nil
			one.client.write(done)
			return nil
		}
	}
	return one.pass(message)
}

func (one *session) give(given *answer, whole bool) {
	one.given = nil
	if whole {
		for _, each := range given.records {
			one.client.write(each)
		}
	}
	one.client.write(given.end)
}

func (one *session) run(message []byte) error {
	asked, ok := read(message)
	if !ok {
		return errBolt
	}
	asked.reads = asked.reads || one.held != nil && one.reading
	if one.apart() || !asked.isLookUp() {
		return one.forward(message)
	}
	if given := one.known.find(asked); given != nil {
		one.given = given
		one.client.write(given.run)
		return nil
	}
	return one.learn(asked, message)
}

// forward hands a RUN to the engine, behind the BEGIN that it has not seen.
func (one *session) forward(message []byte) error {
	if one.held != nil {
		one.engine.write(one.held)
		one.held, one.inside = nil, true
		if err := one.engine.to.Flush(); err != nil {
			return err
		}
		if _, err := one.engine.read(); err != nil { // a failure shows in the answer to RUN, too
			return err
		}
	}
	return one.pass(message)
}

// learn asks the engine in a transaction of its own, and answers from what it gave.
func (one *session) learn(asked statement, message []byte) error {
	one.engine.write(message)
	one.engine.write([]byte{0xb1, pull, 0xa1, 0x81, 'n', 0xff})
	if err := one.engine.to.Flush(); err != nil {
		return err
	}
	given := &answer{}
	var err error
	if given.run, err = one.engine.read(); err != nil {
		return err
	}
	for {
		next, err := one.engine.read()
		if err != nil {
			return err
		}
		if next[1] != record {
			given.end = next
			break
		}
		given.records = append(given.records, next)
	}
	if given.run[1] != success || given.end[1] != success || bytes.Contains(given.end, hasMore) {
		one.engine.write([]byte{0xb0, reset})
		if err := one.engine.to.Flush(); err != nil {
			return err
		}
		if _, err := one.engine.read(); err != nil {
			return err
		}
		return one.forward(message) // the client hears of it from the engine itself
	}
	one.known.learn(asked, given)
	one.given = given
	one.client.write(given.run)
	return nil
}

// pass hands a message to the engine and everything up to the end of its answer to the client.
func (one *session) pass(message []byte) error {
	one.engine.write(message)
	if err := one.engine.to.Flush(); err != nil {
		return err
	}
	for {
		next, err := one.engine.read()
		if err != nil {
			return err
		}
		one.client.write(next)
		if next[1] != record {
			one.settle(message[1], next)
			return nil
		}
	}
}

// settle keeps track of whether the engine is in the middle of something.
func (one *session) settle(asked byte, end []byte) {
	if end[1] != success {
		one.failed = true
		return
	}
	switch asked {
	case reset:
		one.inside, one.open, one.failed = false, false, false
	case begin:
		one.inside = true
	case run:
		one.open = true
	case pull, discard:
		one.open = bytes.Contains(end, hasMore)
	case commit, rollback:
		one.inside, one.open = false, false
	}
}

func read(message []byte) (statement, bool) {
	_, length, start := header(message, 2)
	text := behind(message, 2)
	if start < 0 || text != start+length {
		return statement{}, false
	}
	params := behind(message, text)
	if params < 0 {
		return statement{}, false
	}
	reads := bytes.Contains(message[params:], []byte("\x84mode\x81r"))
	return statement{string(message[start:text]), message[text:params], reads}, true
}
