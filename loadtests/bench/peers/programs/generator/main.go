// Command generator keeps a number of connections busy, each with its next request as soon as the last was answered,
// and compares every answer with the one that is right, byte for byte.
//
//	generator -file requests.ndjson -connections 32 -seconds 3 [-warm 1] [-seed 1]      requests at random
//	generator -file requests.ndjson -connections 32 -once                              each request once, in order
//	generator -file requests.ndjson -connections 32 -seconds 3 -rate 200               requests when they are due
//
// With a rate the load is open: a request is due at its time, whatever became of those before it, and its wait is
// counted from then on, so a server that stops for a moment has made all of them wait that were due meanwhile.
//
// A line of the file: {"request": "POST /graphql HTTP/1.1\r\n…", "answer": "{\"data\":…}"}. An empty answer is not
// compared, but must be a 200 and hold no "errors". It prints one line:
//
//	{"requests": 9000, "wrong": 0, "seconds": 3.0, "p50_us": 9000, "p99_us": 20000, "first_wrong": ""}
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type exchange struct {
	Request string `json:"request"`
	Answer  string `json:"answer"`
}

type result struct {
	waits []int64
	wrong int
	first string
}

const timeout = 30 * time.Second

// schedule says when the next request is due; without a rate it is due at once.
type schedule struct {
	start time.Time
	rate  float64
	taken atomic.Int64
}

func (given *schedule) next() time.Time {
	if given.rate == 0 {
		return time.Now()
	}
	number := given.taken.Add(1) - 1
	due := given.start.Add(time.Duration(float64(number) / given.rate * float64(time.Second)))
	time.Sleep(time.Until(due))
	return due
}

func main() {
	address := flag.String("address", "", "host:port")
	file := flag.String("file", "", "requests")
	connections := flag.Int("connections", 32, "how many")
	seconds := flag.Float64("seconds", 3, "how long it counts")
	warm := flag.Float64("warm", 0, "how long before that it does not")
	seed := flag.Int64("seed", 1, "of the order")
	once := flag.Bool("once", false, "each request once, in order")
	rate := flag.Float64("rate", 0, "requests a second, due at even distances; 0: as soon as a connection is free")
	flag.Parse()
	exchanges, err := load(*file)
	if err != nil || len(exchanges) == 0 {
		log.Fatal("no requests: ", err)
	}
	var next atomic.Int64
	start := time.Now()
	from := start.Add(time.Duration(*warm * float64(time.Second)))
	until := from.Add(time.Duration(*seconds * float64(time.Second)))
	if *once {
		from, until = start, start.Add(time.Hour)
	}
	results, due := make([]result, *connections), &schedule{start: start, rate: *rate}
	var all sync.WaitGroup
	for number := range results {
		all.Add(1)
		go func() {
			defer all.Done()
			random := rand.New(rand.NewSource(*seed + int64(number)))
			choose := func() *exchange {
				if !*once {
					return &exchanges[random.Intn(len(exchanges))]
				}
				if place := int(next.Add(1)) - 1; place < len(exchanges) {
					return &exchanges[place]
				}
				return nil
			}
			results[number] = busy(*address, choose, due, from, until)
		}()
	}
	all.Wait()
	if *once {
		until = time.Now()
	}
	tell(results, until.Sub(from).Seconds())
}

func load(path string) ([]exchange, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var found []exchange
	decoder := json.NewDecoder(bytes.NewReader(data))
	for decoder.More() {
		var each exchange
		if err := decoder.Decode(&each); err != nil {
			return nil, err
		}
		found = append(found, each)
	}
	return found, nil
}

// busy asks on one connection; answers before `from` are checked and not counted.
func busy(address string, choose func() *exchange, due *schedule, from, until time.Time) result {
	var found result
	socket, err := net.Dial("tcp", address)
	if err != nil {
		return result{wrong: 1, first: err.Error()}
	}
	defer socket.Close()
	reader, body := bufio.NewReaderSize(socket, 1<<16), bytes.Buffer{}
	for {
		began := due.next()
		if !began.Before(until) {
			return found
		}
		asked := choose()
		if asked == nil {
			return found
		}
		_ = socket.SetDeadline(time.Now().Add(timeout))
		if fault := ask(socket, reader, &body, asked); fault != "" {
			found.wrong++
			found.first = fault
			if strings.HasPrefix(fault, "connection") {
				return found
			}
		}
		// Of an open load all that was due is answered and counted, or the slowest answers would be left out.
		if ended := time.Now(); began.After(from) && (due.rate > 0 || ended.Before(until)) {
			found.waits = append(found.waits, ended.Sub(began).Microseconds())
		}
	}
}

func ask(socket net.Conn, reader *bufio.Reader, body *bytes.Buffer, asked *exchange) string {
	if _, err := io.WriteString(socket, asked.Request); err != nil {
		return "connection: " + err.Error()
	}
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		return "connection: " + err.Error()
	}
	body.Reset()
	_, err = body.ReadFrom(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		return "connection: " + err.Error()
	}
	given := strings.TrimRight(body.String(), "\n")
	right := given == asked.Answer || asked.Answer == "" && !strings.Contains(given, `"errors"`)
	if answer.StatusCode != 200 || !right {
		return fmt.Sprintf("%d: %.200s", answer.StatusCode, given)
	}
	return ""
}

func tell(results []result, seconds float64) {
	waits, wrong, first := []int64{}, 0, ""
	for _, each := range results {
		waits, wrong = append(waits, each.waits...), wrong+each.wrong
		if each.first != "" {
			first = each.first
		}
	}
	sort.Slice(waits, func(one, other int) bool { return waits[one] < waits[other] })
	at := func(part float64) int64 {
		if len(waits) == 0 {
			return 0
		}
		return waits[int(part*float64(len(waits)-1))]
	}
	told := map[string]any{
		"requests": len(waits), "wrong": wrong, "seconds": seconds, "p50_us": at(0.5), "p99_us": at(0.99),
		"first_wrong": first,
	}
	_ = json.NewEncoder(os.Stdout).Encode(told)
}
