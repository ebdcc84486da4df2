package main

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"

	"github.com/emmansun/gmsm/sm2"
)

const sm2ID = "1234567812345678"

// publicKey is a key of one of the three suites; y is nil for Ed25519.
type publicKey struct {
	alg  string
	x, y []byte
}

var suites = map[string]bool{"Ed25519": false, "ES256": true, "SM2": true} // alg: is there a y?

// smallOrder holds every encoding of a point of Ed25519 whose order divides 8.
var smallOrder = func() (points []string) {
	for _, pair := range [][2]string{
		{"01", "00"}, {"01", "80"}, {"ec", "7f"}, {"ec", "ff"}, {"00", "00"}, {"00", "80"}, {"ed", "7f"}, {"ed", "ff"},
		{"ee", "7f"}, {"ee", "ff"},
	} {
		middle := map[bool]string{true: "00", false: "ff"}[pair[0] < "02"]
		points = append(points, pair[0]+strings.Repeat(middle, 30)+pair[1])
	}
	for _, body := range []string{
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03",
	} {
		points = append(points, body+map[bool]string{true: "05", false: "7a"}[body[0] == '2'],
			body+map[bool]string{true: "85", false: "fa"}[body[0] == '2'])
	}
	return points
}()

func loadKey(alg string, x, y []byte) publicKey {
	hasY, known := suites[alg]
	need(known, "unknown_alg")
	need(len(x) == 32 && hasY == (y != nil) && (y == nil || len(y) == 32), "weak_key")
	point := slices.Concat([]byte{4}, x, y)
	switch alg {
	case "Ed25519":
		value := slices.Clone(x)
		slices.Reverse(value)
		value[0] &= 0x7f
		prime := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
		need(!slices.Contains(smallOrder, hex.EncodeToString(x)) && new(big.Int).SetBytes(value).Cmp(prime) < 0, "weak_key")
	case "ES256":
		_, err := ecdh.P256().NewPublicKey(point)
		need(err == nil, "weak_key")
	case "SM2":
		_, err := sm2.NewPublicKey(point)
		need(err == nil, "weak_key")
	}
	return publicKey{alg, x, y}
}

// verify checks a signature of 64 bytes. Every digest is computed here.
func (k publicKey) verify(message, signature []byte) bool {
	if len(signature) != 64 {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	switch k.alg {
	case "Ed25519":
		return !slices.Contains(smallOrder, hex.EncodeToString(signature[:32])) && ed25519.Verify(k.x, message, signature)
	case "ES256":
		digest := sha256.Sum256(message)
		x, y := new(big.Int).SetBytes(k.x), new(big.Int).SetBytes(k.y)
		return ecdsa.Verify(&ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y}, digest[:], r, s)
	default:
		key, err := sm2.NewPublicKey(slices.Concat([]byte{4}, k.x, k.y))
		return err == nil && sm2.VerifyWithSM2(key, []byte(sm2ID), message, r, s)
	}
}

// isHighS tells of an ES256 signature with s > n/2.
func isHighS(alg string, signature []byte) bool {
	half := new(big.Int).Rsh(elliptic.P256().Params().N, 1)
	return alg == "ES256" && new(big.Int).SetBytes(signature[32:]).Cmp(half) > 0
}

// decode reads canonical base64; size -1 takes any. decodeURL reads base64url without padding.
func decode(text string, size int) []byte    { return decoded(base64.StdEncoding, text, size) }
func decodeURL(text string, size int) []byte { return decoded(base64.RawURLEncoding, text, size) }

func decoded(encoding *base64.Encoding, text string, size int) []byte {
	data, err := encoding.DecodeString(text)
	need(err == nil && encoding.EncodeToString(data) == text && (size < 0 || len(data) == size), "bad_base64")
	return data
}

func encodeURL(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func hash(parts ...[]byte) []byte {
	sum := sha256.Sum256(bytes.Join(parts, nil))
	return sum[:]
}

func leafHash(entry []byte) []byte { return hash([]byte{0}, entry) }

// included checks an inclusion path, RFC 9162 2.1.3.2.
func included(leaf []byte, index, size int64, path [][]byte, root []byte) bool {
	if index < 0 || index >= size {
		return false
	}
	fn, sn, r := index, size-1, leaf
	for _, p := range path {
		if sn == 0 {
			return false
		}
		if fn&1 == 1 || fn == sn {
			r = hash([]byte{1}, p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = hash([]byte{1}, r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	return sn == 0 && bytes.Equal(r, root)
}

// treeHash is MTH of RFC 6962 2.1 over leaf hashes.
func treeHash(leaves [][]byte) []byte {
	switch n := len(leaves); n {
	case 0:
		return hash()
	case 1:
		return leaves[0]
	default:
		split := 1
		for split*2 < n {
			split *= 2
		}
		return hash([]byte{1}, treeHash(leaves[:split]), treeHash(leaves[split:]))
	}
}
