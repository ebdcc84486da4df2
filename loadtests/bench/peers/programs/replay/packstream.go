package main

import "encoding/binary"

// Just enough of PackStream to cut a message into its values: each function gives the index behind a value, or -1 for
// bytes that are none. Source: neo4j.com/docs/bolt/current/packstream.

func behind(b []byte, at int) int {
	if at < 0 || at >= len(b) {
		return -1
	}
	marker := b[at]
	switch {
	case marker <= 0x7f || marker >= 0xf0 || marker == 0xc0 || marker == 0xc2 || marker == 0xc3:
		return at + 1
	case marker >= 0xc8 && marker <= 0xcb:
		return within(b, at+1+1<<(marker-0xc8))
	case marker == 0xc1:
		return within(b, at+9)
	}
	kind, count, at := header(b, at)
	switch kind {
	case 's':
		return within(b, at+count)
	case 'l':
		return behindMany(b, at, count)
	case 'm':
		return behindMany(b, at, 2*count)
	case 'r':
		return behindMany(b, at+1, count)
	}
	return -1
}

func behindMany(b []byte, at, count int) int {
	for ; count > 0 && at >= 0; count-- {
		at = behind(b, at)
	}
	return at
}

func within(b []byte, at int) int {
	if at > len(b) {
		return -1
	}
	return at
}

// header reads what a value with a length begins with: its kind (s text or bytes, l list, m map, r structure), its
// length and the index of its content. Kind 0: another value.
func header(b []byte, at int) (kind byte, count, next int) {
	if at < 0 || at >= len(b) {
		return 0, 0, -1
	}
	marker := b[at]
	switch marker & 0xf0 {
	case 0x80:
		return 's', int(marker & 15), at + 1
	case 0x90:
		return 'l', int(marker & 15), at + 1
	case 0xa0:
		return 'm', int(marker & 15), at + 1
	case 0xb0:
		return 'r', int(marker & 15), at + 1
	}
	kinds := map[byte]byte{0xcc: 's', 0xd0: 's', 0xd4: 'l', 0xd8: 'm'}
	for first, kind := range kinds {
		if marker >= first && marker <= first+2 {
			width := 1 << (marker - first)
			if at+1+width > len(b) {
				return 0, 0, -1
			}
			return kind, sized(b[at+1 : at+1+width]), at + 1 + width
		}
	}
	return 0, 0, -1
}

func sized(b []byte) int {
	switch len(b) {
	case 1:
		return int(b[0])
	case 2:
		return int(binary.BigEndian.Uint16(b))
	}
	return int(binary.BigEndian.Uint32(b))
}

// entries gives the members of a map as name and raw value, in their order.
func entries(b []byte) (names []string, values [][]byte) {
	kind, count, at := header(b, 0)
	if kind != 'm' {
		return nil, nil
	}
	for ; count > 0; count-- {
		_, length, start := header(b, at)
		end := behind(b, at)
		if start < 0 || end != start+length {
			return nil, nil
		}
		names = append(names, string(b[start:end]))
		at = behind(b, end)
		if at < 0 {
			return nil, nil
		}
		values = append(values, b[end:at])
	}
	return names, values
}

// items gives the raw values of a list; nil for another value.
func items(b []byte) [][]byte {
	kind, count, at := header(b, 0)
	if kind != 'l' {
		return nil
	}
	found := make([][]byte, 0, count)
	for ; count > 0; count-- {
		end := behind(b, at)
		if end < 0 {
			return nil
		}
		found = append(found, b[at:end])
		at = end
	}
	return found
}

func listHeader(count int) []byte {
	if count < 16 {
		return []byte{0x90 | byte(count)}
	}
	return binary.BigEndian.AppendUint32([]byte{0xd6}, uint32(count))
}
