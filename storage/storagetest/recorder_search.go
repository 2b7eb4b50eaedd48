package storagetest

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
)

// minMarker is the shortest marker in bytes. A shorter one would turn up in
// random ciphertext by chance: of six bytes once in 280 terabytes.
const minMarker = 6

// form is one way in which a marker could be written down.
type form struct {
	marker  string
	writing string // "as it is", "in base64", …
	bytes   []byte
}

// formsOf lists the ways: as it is, and in lower or upper case or with its
// spaces replaced, as in a name made from a title; in hexadecimal, base64 and
// base32 at every alignment; in UTF-16; and escaped for JSON and URLs.
func formsOf(marker []byte) []form {
	var forms []form
	known := map[string]bool{}
	add := func(writing string, written []byte) {
		if len(written) >= minMarker && !known[string(written)] {
			known[string(written)] = true
			forms = append(forms, form{marker: string(marker), writing: writing, bytes: written})
		}
	}
	text := string(marker)
	add("as it is", marker)
	add("in lower case", []byte(strings.ToLower(text)))
	add("in upper case", []byte(strings.ToUpper(text)))
	for _, space := range []string{"-", "_", ""} {
		add("without spaces", []byte(strings.ReplaceAll(text, " ", space)))
		add("without spaces", []byte(strings.ReplaceAll(strings.ToLower(text), " ", space)))
	}
	add("in hexadecimal", []byte(hex.EncodeToString(marker)))
	add("in hexadecimal", []byte(strings.ToUpper(hex.EncodeToString(marker))))
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for _, written := range aligned(marker, 3, 6, encoding.EncodeToString) {
			add("in base64", []byte(written))
		}
	}
	for _, written := range aligned(marker, 5, 5, base32.StdEncoding.EncodeToString) {
		add("in base32", []byte(written))
		add("in base32", []byte(strings.ToLower(written)))
	}
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		var written []byte
		for _, unit := range utf16.Encode([]rune(text)) {
			written = order.AppendUint16(written, unit)
		}
		add("in UTF-16", written)
	}
	add("escaped for JSON", []byte(strings.Trim(strconv.QuoteToASCII(text), `"`)))
	add("escaped for a URL", []byte(url.QueryEscape(text)))
	add("escaped for a URL", []byte(url.PathEscape(text)))
	return forms
}

// aligned encodes marker as it looks after each number of bytes before it, less
// the characters that depend on what stands around it. An encoding takes groups
// of so many bytes and puts so many bits into a character.
func aligned(marker []byte, group, bits int, encode func([]byte) string) []string {
	var all []string
	for before := range group {
		written := encode(append(make([]byte, before), marker...))
		first := (before*8 + bits - 1) / bits
		last := (before + len(marker)) * 8 / bits
		all = append(all, written[first:last])
	}
	return all
}

// search finds forms in streams. It is not changed once made.
type search struct {
	forms   []form
	longest int
	starts  map[uint16][]int // forms by their first two bytes
	mayBe   [1 << 16]bool    // whether starts has these two bytes
	refused []string         // markers that are too short to look for
}

func newSearch(markers [][]byte) *search {
	s := &search{starts: map[uint16][]int{}}
	for _, marker := range markers {
		if len(marker) < minMarker {
			s.refused = append(s.refused, fmt.Sprintf("marker %q cannot be looked for: it is shorter than %d bytes and turns up by chance", marker, minMarker))
			continue
		}
		s.forms = append(s.forms, formsOf(bytes.Clone(marker))...)
	}
	for i, f := range s.forms {
		s.longest = max(s.longest, len(f.bytes))
		two := binary.LittleEndian.Uint16(f.bytes)
		s.starts[two] = append(s.starts[two], i)
		s.mayBe[two] = true
	}
	return s
}

// stream looks through bytes that come in pieces. It remembers as many as the
// longest form has, so that a form cut by a piece's end is still found.
type stream struct {
	search *search
	tail   []byte
	offset int64 // of tail in the stream
}

// next looks through one more piece and reports each find.
func (s *stream) next(p []byte, found func(f form, offset int64)) {
	for len(p) > 0 && len(s.search.forms) > 0 {
		// In steps, so that memory is bounded by the step and not by the piece.
		step := p[:min(len(p), 64<<10)]
		p = p[len(step):]
		seen := len(s.tail)
		window := append(s.tail, step...)
		first := uint16(window[0])
		for i, second := range window[1:] {
			two := first | uint16(second)<<8
			first = uint16(second)
			if !s.search.mayBe[two] {
				continue
			}
			for _, n := range s.search.starts[two] {
				f := s.search.forms[n]
				end := i + len(f.bytes)
				// What ended before the new bytes was found when they were new.
				if end > seen && end <= len(window) && bytes.Equal(window[i:end], f.bytes) {
					found(f, s.offset+int64(i))
				}
			}
		}
		keep := min(len(window), max(s.search.longest-1, 0))
		s.offset += int64(len(window) - keep)
		s.tail = append(window[:0], window[len(window)-keep:]...)
	}
}
