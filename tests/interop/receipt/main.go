// Command receipt verifies Tongban receipts offline. It was written from ledger/README.md and shares no code with the
// verifier in Python; both give one outcome, failing step and code on every case of tests/cases.
//
//	receipt -policy FILE -genesis FILE -at POSIX-SECONDS [-max-age SECONDS] FILE...
//	receipt < requests            one JSON object a line (type request; bytes in base64), one verdict a line
//
// Exit code: 0 every receipt is VALID, or the requests were answered; 1 another verdict; 2 wrong usage, or a policy,
// genesis or sync that is unusable.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	policyFile := flag.String("policy", "", "file that says which logs and witnesses are trusted")
	genesisFile := flag.String("genesis", "", "file with the first entry of the log")
	at := flag.Int64("at", 0, "POSIX seconds to judge at")
	maxAge := flag.Int64("max-age", 86400, "greatest age of the checkpoint in seconds")
	flag.Parse()
	defer func() {
		if code, ok := recover().(fault); ok {
			fmt.Fprintln(os.Stderr, "receipt: unusable policy, genesis or sync:", code)
			os.Exit(2)
		}
	}()
	if flag.NArg() == 0 {
		answer(os.Stdin, os.Stdout)
		return
	}
	base := request{Policy: read(*policyFile), Genesis: read(*genesisFile), Now: *at, MaxAge: *maxAge}
	exit := 0
	for _, name := range flag.Args() {
		one := base
		one.Name, one.Receipt = name, read(name)
		found := judge(&one)
		if found.Outcome != "VALID" {
			exit = 1
		}
		fmt.Printf("%s: %s (%s) step %d\n", name, found.Outcome, found.Code, found.Step)
	}
	os.Exit(exit)
}

func answer(requests io.Reader, answers io.Writer) {
	in, out := json.NewDecoder(requests), json.NewEncoder(answers)
	for {
		var one request
		if err := in.Decode(&one); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			quit(err)
		}
		if err := out.Encode(judge(&one)); err != nil {
			quit(err)
		}
	}
}

func read(name string) []byte {
	data, err := os.ReadFile(name)
	if err != nil {
		quit(err)
	}
	return data
}

func quit(err error) {
	fmt.Fprintln(os.Stderr, "receipt:", err)
	os.Exit(2)
}
