package main

import (
	"os"
	"strings"

	formats "github.com/transparency-dev/formats/note"

	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// keys are the log's, and those of the witnesses whose cosignatures are asked for.
type keys struct {
	log       note.Verifier
	cosigners []note.Verifier
}

// readKeys reads vkeys: that of the log by the checksum database's own rules, those of witnesses (type 0x04, with a
// time) by those of the transparency.dev formats.
func readKeys(logFile, cosignersFile string) (*keys, error) {
	text, err := os.ReadFile(logFile)
	if err != nil {
		return nil, err
	}
	known := &keys{}
	if known.log, err = note.NewVerifier(strings.TrimSpace(string(text))); err != nil {
		return nil, err
	}
	if cosignersFile == "" {
		return known, nil
	}
	if text, err = os.ReadFile(cosignersFile); err != nil {
		return nil, err
	}
	for _, vkey := range strings.Fields(string(text)) {
		verifier, err := formats.NewVerifierForCosignatureV1(vkey)
		if err != nil {
			return nil, err
		}
		known.cosigners = append(known.cosigners, verifier)
	}
	return known, nil
}

// open checks a checkpoint's signatures: that of the log, and of every known witness that is there. It gives the tree
// and the number of cosignatures.
func (k *keys) open(data []byte) (tlog.Tree, int, error) {
	opened, err := note.Open(data, note.VerifierList(append([]note.Verifier{k.log}, k.cosigners...)...))
	if err != nil {
		return tlog.Tree{}, 0, err
	}
	// ParseCheckpoint opens the note once more, and checks that the log of this origin signed it.
	checkpoint, _, _, err := log.ParseCheckpoint(data, k.log.Name(), k.log)
	if err != nil {
		return tlog.Tree{}, 0, err
	}
	tree := tlog.Tree{N: int64(checkpoint.Size)}
	copy(tree.Hash[:], checkpoint.Hash)
	return tree, len(opened.Sigs) - 1, nil
}
