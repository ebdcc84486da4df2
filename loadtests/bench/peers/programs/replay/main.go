// Command replay is a Bolt server that takes the database out of a measurement. It stands before a real engine: what is
// asked for the first time goes there, and the answer is remembered; the second time it is given at once, byte for byte.
//
//	replay -listen 127.0.0.1:7000 -engine 127.0.0.1:7687 -counts 127.0.0.1:7001
//	GET /counts            {"hits": 9, "misses": 1, "texts": ["MATCH …"]}     ?reset: and begin anew
//
// Only reads of holders and matters are remembered; everything else, every write, goes through. Bolt 5.4, without TLS,
// on loopback. Source: neo4j.com/docs/bolt/current.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net"
	"net/http"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where clients connect")
	engine := flag.String("engine", "", "the real engine, host:port")
	counts := flag.String("counts", "127.0.0.1:0", "where the counts are told")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	known := newAnswers()
	go tell(*counts, known)
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(client, *engine, known)
	}
}

func tell(address string, known *answers) {
	http.HandleFunc("/counts", func(to http.ResponseWriter, asked *http.Request) {
		_ = json.NewEncoder(to).Encode(known.counts(asked.URL.Query().Has("reset")))
	})
	log.Fatal(http.ListenAndServe(address, nil))
}
