package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Deterministic CBOR, as docs/format.md restricts it: every value has one
// encoding, and whatever is not that encoding is refused. What is read is held
// against a shape, so that unknown, missing and misplaced fields are refused, too.

// shape says what may stand at a place.
type shape struct {
	kind   byte           // one of those below
	bits   int            // of a number
	of     *shape         // of the entries of a list
	fields map[uint64]any // of an object: a shape, or optional{shape}
}

// optional fields stand there only if they are not empty.
type optional struct{ shape }

var (
	u8    = shape{kind: 'u', bits: 8}
	u16   = shape{kind: 'u', bits: 16}
	u32   = shape{kind: 'u', bits: 32}
	u64   = shape{kind: 'u', bits: 64}
	i64   = shape{kind: 'i', bits: 64}
	text  = shape{kind: 't'}
	raw   = shape{kind: 'b'} // a byte string, or null for none
	flag  = shape{kind: 'f'}
	texts = shape{kind: 'm'} // a map from text to text
)

func list(of shape) shape           { return shape{kind: 'l', of: &of} } // or null for none
func fields(f map[uint64]any) shape { return shape{kind: 'o', fields: f} }
func id() shape                     { return shape{kind: '1', bits: 16} } // a byte string of just so many bytes
func key32() shape                  { return shape{kind: '1', bits: 32} } // a byte string of just so many bytes
func (s shape) byNumber() shape     { return shape{kind: 'n', of: &s} }   // a map from numbers of 8 bits, or null for none

// object is a map with numbers for keys. What is optional and absent reads as empty.
type object map[uint64]any

func (o object) num(key uint64) uint64    { n, _ := o[key].(uint64); return n }
func (o object) int(key uint64) int64     { n, _ := o[key].(int64); return n }
func (o object) text(key uint64) string   { s, _ := o[key].(string); return s }
func (o object) bytes(key uint64) []byte  { b, _ := o[key].([]byte); return b }
func (o object) list(key uint64) []any    { l, _ := o[key].([]any); return l }
func (o object) object(key uint64) object { x, _ := o[key].(object); return x }
func (o object) flag(key uint64) bool     { f, _ := o[key].(bool); return f }

// parse reads one object and nothing behind it.
func parse(s shape, b []byte) (object, error) {
	v, err := decode(s, b)
	o, _ := v.(object)
	return o, err
}

func decode(s shape, b []byte) (any, error) {
	d := decoder{rest: b}
	v := d.value(s, 0)
	if d.bad || len(d.rest) > 0 {
		return nil, errFormat
	}
	return v, nil
}

// decoder stops at the first thing that is wrong.
type decoder struct {
	rest []byte
	bad  bool
}

const (
	deepest  = 16
	longest  = 1 << 16 // entries of a list
	broadest = 1 << 12 // pairs of a map
)

// head reads the first byte of a value and its number, which must be written in
// as few bytes as it can be.
func (d *decoder) head() (major byte, n uint64) {
	if d.bad || len(d.rest) == 0 {
		d.bad = true
		return 0, 0
	}
	first := d.rest[0]
	major, n, d.rest = first>>5, uint64(first&31), d.rest[1:]
	if n < 24 || major == 7 {
		return major, n
	}
	size := 1 << (n - 24)
	if n > 27 || len(d.rest) < size { // among them the indefinite lengths
		d.bad = true
		return 0, 0
	}
	var wide [8]byte
	copy(wide[8-size:], d.rest)
	value := binary.BigEndian.Uint64(wide[:])
	if least := [...]uint64{24, 1 << 8, 1 << 16, 1 << 32}[n-24]; value < least {
		d.bad = true
	}
	d.rest = d.rest[size:]
	return major, value
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.bad = true
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) value(s shape, depth int) any {
	if depth > deepest {
		d.bad = true
	}
	major, n := d.head()
	if d.bad {
		return nil
	}
	null := major == 7 && n == 22
	switch s.kind {
	case 'u':
		d.bad = d.bad || major != 0 || s.bits < 64 && n>>s.bits != 0
		return n
	case 'i':
		d.bad = d.bad || major > 1 || n > math.MaxInt64
		if major == 1 {
			return -1 - int64(n)
		}
		return int64(n)
	case 'f':
		d.bad = d.bad || major != 7 || n != 20 && n != 21
		return n == 21
	case 't':
		b := d.take(n)
		d.bad = d.bad || major != 3 || !utf8.Valid(b)
		return string(b)
	case 'b', '1':
		if null && s.kind == 'b' {
			return []byte(nil)
		}
		b := d.take(n)
		d.bad = d.bad || major != 2 || s.kind == '1' && len(b) != s.bits
		return b
	case 'l':
		if null {
			return []any(nil)
		}
		return d.list(s, major, n, depth)
	default:
		if null && s.kind == 'n' {
			return object{}
		}
		d.bad = d.bad || major != 5 || n > broadest
		return d.pairs(s, n, depth)
	}
}

func (d *decoder) list(s shape, major byte, n uint64, depth int) (out []any) {
	d.bad = d.bad || major != 4 || n > longest
	for i := uint64(0); i < n && !d.bad; i++ {
		out = append(out, d.value(*s.of, depth+1))
	}
	return out
}

// pairs reads a map, whose keys stand in the order of their encodings, each once.
func (d *decoder) pairs(s shape, n uint64, depth int) any {
	out, words := object{}, map[string]string{}
	var before []byte
	for i := uint64(0); i < n && !d.bad; i++ {
		start := d.rest
		key := text
		if s.kind != 'm' {
			key = u64
		}
		k := d.value(key, depth+1)
		encoded := start[:len(start)-len(d.rest)]
		d.bad = d.bad || i > 0 && bytes.Compare(before, encoded) >= 0
		if before = encoded; d.bad {
			break
		}
		switch s.kind {
		case 'm':
			words[k.(string)], _ = d.value(text, depth+1).(string)
		case 'n':
			d.bad = k.(uint64) > math.MaxUint8
			out[k.(uint64)] = d.value(*s.of, depth+1)
		default:
			out[k.(uint64)] = d.field(s.fields[k.(uint64)], depth+1)
		}
	}
	if s.kind == 'm' {
		return words
	}
	for key, f := range s.fields {
		if _, must := f.(shape); must && !has(out, key) {
			d.bad = true
		}
	}
	return out
}

func has(o object, key uint64) bool { _, ok := o[key]; return ok }

// field reads a field of an object: nil is one that nobody knows.
func (d *decoder) field(f any, depth int) any {
	switch f := f.(type) {
	case shape:
		return d.value(f, depth)
	case optional:
		v := d.value(f.shape, depth)
		d.bad = d.bad || empty(v)
		return v
	}
	d.bad = true
	return nil
}

func empty(v any) bool {
	switch v := v.(type) {
	case uint64:
		return v == 0
	case int64:
		return v == 0
	case bool:
		return !v
	case string:
		return v == ""
	case []byte:
		return len(v) == 0
	case []any:
		return len(v) == 0
	case map[string]string:
		return len(v) == 0
	case object:
		return v == nil
	}
	return false
}

// at is the entry of a list as an object.
func at(l []any, i int) object { o, _ := l[i].(object); return o }
