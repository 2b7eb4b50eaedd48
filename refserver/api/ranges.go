package api

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// span is a part of a document: length bytes from offset.
type span struct{ offset, length int64 }

// contentRange is the header of an answer that carries only the part (RFC 9110, 14.4).
func (s span) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", s.offset, s.offset+s.length-1, size)
}

// errRange: nothing of the document lies in the range that was asked for.
var errRange = errors.New("api: range not satisfiable")

// wantedPart reads a Range header for a document of size bytes (RFC 9110, 14.2).
// It returns nil for the whole document: no header, another unit, bad syntax and
// several ranges, all of which a server may answer in full. Several ranges are
// not cut up because a hundred overlapping ones would be a hundred reads.
func wantedPart(header string, size int64) (*span, error) {
	spec, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(header)), "bytes=")
	if !ok {
		return nil, nil
	}
	from, to, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || strings.Contains(to, ",") {
		return nil, nil
	}
	if from == "" {
		return suffix(to, size)
	}
	first, ok := position(from)
	if !ok {
		return nil, nil
	}
	last := size - 1
	if to != "" {
		if last, ok = position(to); !ok || last < first {
			return nil, nil
		}
		last = min(last, size-1)
	}
	if first >= size {
		return nil, errRange
	}
	return &span{offset: first, length: last - first + 1}, nil
}

// suffix is "-500": the last 500 bytes, or all if there are fewer.
func suffix(length string, size int64) (*span, error) {
	n, ok := position(length)
	if !ok {
		return nil, nil
	}
	if n == 0 || size == 0 {
		return nil, errRange
	}
	n = min(n, size)
	return &span{offset: size - n, length: n}, nil
}

// position reads digits only: ParseInt would take a sign. What is larger than
// any document is the largest number, as the RFC wants.
func position(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64) // out of range: n is the largest
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}
