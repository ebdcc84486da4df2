// Command verify checks a Tongban ledger over HTTP as a client of Go's checksum database would: with the packages
// golang.org/x/mod/sumdb/note and golang.org/x/mod/sumdb/tlog, and nothing of ours.
//
//	verify -url http://127.0.0.1:8080/ledger -key log.vkey [-cosigners FILE] [-token TOKEN] [-old FILE] [-receipt FILE]
//
// It prints one line for each thing that holds, and stops with exit code 1 at the first that does not:
//
//	checkpoint   the log signed it, and every cosignature by a key of FILE holds
//	inclusion    entries, fetched with the token, stand where they should, by proofs made from tiles
//	consistency  the tree of the checkpoint in FILE is the beginning of the present one, by a proof made from tiles
//	receipt      the inclusion proof that the hub put into a receipt holds, and is the one that the tiles give
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	url := flag.String("url", "", "prefix of the ledger")
	keyFile := flag.String("key", "", "file with the log's vkey")
	cosigners := flag.String("cosigners", "", "file with vkeys of witnesses, one a line; all must have cosigned")
	token := flag.String("token", "", "access token with the scope ledger.entries; without it no entry is read")
	old := flag.String("old", "", "file with an older checkpoint")
	receipt := flag.String("receipt", "", "file with a receipt")
	samples := flag.Int64("samples", 16, "how many entries to look at, from the first to the last")
	flag.Parse()
	if err := run(*url, *keyFile, *cosigners, *token, *old, *receipt, *samples); err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

func run(url, keyFile, cosignersFile, token, oldFile, receiptFile string, samples int64) error {
	known, err := readKeys(keyFile, cosignersFile)
	if err != nil {
		return err
	}
	source := &ledger{url: strings.TrimSuffix(url, "/"), token: token}
	data, err := source.get("checkpoint")
	if err != nil {
		return err
	}
	tree, cosigned, err := known.open(data)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if cosigned != len(known.cosigners) {
		return fmt.Errorf("checkpoint: %d of %d witnesses cosigned", cosigned, len(known.cosigners))
	}
	fmt.Printf("checkpoint: size %d, root %v, %d cosignatures\n", tree.N, tree.Hash, cosigned)

	hashes := tlog.TileHashReader(tree, source)
	if token != "" {
		if err := checkInclusion(source, hashes, tree, samples); err != nil {
			return fmt.Errorf("inclusion: %w", err)
		}
	}
	if oldFile != "" {
		if err := checkConsistency(known, hashes, tree, oldFile); err != nil {
			return fmt.Errorf("consistency: %w", err)
		}
	}
	if receiptFile != "" {
		if err := checkReceipt(known, source, receiptFile); err != nil {
			return fmt.Errorf("receipt: %w", err)
		}
	}
	return nil
}

// checkInclusion reads entries from the first to the last, evenly spaced, and proves each out of tiles.
func checkInclusion(source *ledger, hashes tlog.HashReader, tree tlog.Tree, samples int64) error {
	samples = min(samples, tree.N)
	for i := range samples {
		index := i * (tree.N - 1) / max(samples-1, 1)
		entry, err := source.entry(tree, index)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	fmt.Printf("inclusion: %d entries of %d\n", samples, tree.N)
	return nil
}

func checkConsistency(known *keys, hashes tlog.HashReader, tree tlog.Tree, oldFile string) error {
	data, err := os.ReadFile(oldFile)
	if err != nil {
		return err
	}
	old, _, err := known.open(data)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
		return err
	}
	fmt.Printf("consistency: from %d to %d\n", old.N, tree.N)
	return nil
}
