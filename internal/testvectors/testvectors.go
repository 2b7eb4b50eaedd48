// Package testvectors reads and writes the vectors of the stored format, which
// lie in vault/testdata/vectors: text files for people to review and for readers
// in any language, described at the end of docs/format.md. Only tests import it.
package testvectors

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Vector is one file: fields in order.
type Vector struct {
	Name   string
	Fields []Field
}

// Field is one value. Line is what stands on the line of its name: text, a
// number or hexadecimal digits. Data are the bytes of the indented lines below
// it, in base64; nil if there are none.
type Field struct {
	Name, Line string
	Data       []byte
}

// Load reads every vector of a folder, by name, each with what it takes from its base.
func Load(folder string) (map[string]*Vector, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(fmt.Errorf("no vectors in %s", folder), err)
	}
	alone := map[string]*Vector{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		v, err := Parse(strings.TrimSuffix(filepath.Base(file), ".txt"), string(text))
		if err != nil {
			return nil, err
		}
		alone[v.Name] = v
	}
	whole := map[string]*Vector{}
	for _, v := range alone {
		if _, err := v.complete(alone, whole); err != nil {
			return nil, err
		}
	}
	return whole, nil
}

// complete lays a vector over its base, which may have one as well.
func (v *Vector) complete(alone, whole map[string]*Vector) (done *Vector, err error) {
	if done = whole[v.Name]; done != nil {
		return done, nil
	}
	var base *Vector
	if b := alone[v.Text("base")]; b != nil {
		if base, err = b.complete(alone, whole); err != nil {
			return nil, err
		}
	}
	done, err = v.on(base)
	whole[v.Name] = done
	return done, err
}

// Parse reads one file as it is.
func Parse(name, text string) (*Vector, error) {
	v := &Vector{Name: name}
	var below []string
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if rest, indented := strings.CutPrefix(line, " "); indented && len(v.Fields) > 0 {
			below = append(below, rest)
			continue
		}
		if err := v.close(below); err != nil {
			return nil, err
		}
		below = nil
		field, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%s, line %d: no name", name, n+1)
		}
		v.Fields = append(v.Fields, Field{Name: field, Line: strings.TrimPrefix(value, " ")})
	}
	return v, v.close(below)
}

// close gives the last field the lines below it.
func (v *Vector) close(below []string) (err error) {
	if len(below) == 0 {
		return nil
	}
	f := &v.Fields[len(v.Fields)-1]
	if f.Data, err = base64.StdEncoding.Strict().DecodeString(strings.Join(below, "")); err != nil {
		return fmt.Errorf("%s: %s: %w", v.Name, f.Name, err)
	}
	return nil
}

// String writes the vector as a file.
func (v *Vector) String() string {
	var b strings.Builder
	for _, f := range v.Fields {
		b.WriteString(strings.TrimSuffix(f.Name+": "+f.Line, " ") + "\n")
		for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(f.Data)), 100) {
			b.WriteString(" " + string(line) + "\n")
		}
	}
	return b.String()
}

// Text returns the line of a field, "" if there is none.
func (v *Vector) Text(name string) string { f, _ := v.find(name); return f.Line }

// Number returns a field that is a decimal number, 0 if there is none.
func (v *Vector) Number(name string) uint64 {
	n, _ := strconv.ParseUint(v.Text(name), 10, 64)
	return n
}

// Bytes returns the bytes of a field, nil if there is none.
func (v *Vector) Bytes(name string) []byte {
	f, _ := v.find(name)
	if f.Data != nil {
		return f.Data
	}
	b, err := hex.DecodeString(f.Line)
	if err != nil {
		return nil
	}
	return b
}

// All returns the fields of a name, in order.
func (v *Vector) All(name string) (all []Field) {
	for _, f := range v.Fields {
		if f.Name == name {
			all = append(all, f)
		}
	}
	return all
}

// Lines returns the lines of all fields of a name.
func (v *Vector) Lines(name string) (all []string) {
	for _, f := range v.All(name) {
		all = append(all, f.Line)
	}
	return all
}

func (v *Vector) find(name string) (Field, bool) {
	i := slices.IndexFunc(v.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return v.Fields[i], true
}

// keyed fields are many, told apart by their line. Those named "shows" can also
// be gone all at once.
func (f Field) keyed() bool { return f.Name == "record" || f.Name == "blob" || f.Name == "shows" }

// on lays the vector over its base: what it gives replaces, what it calls gone
// is left out, and then its changes are made.
func (v *Vector) on(base *Vector) (*Vector, error) {
	out := &Vector{Name: v.Name}
	if v.Text("base") != "" && base == nil {
		return nil, fmt.Errorf("%s: there is no base %q", v.Name, v.Text("base"))
	}
	if base != nil {
		for _, f := range base.Fields {
			replaced := slices.ContainsFunc(v.Fields, func(g Field) bool {
				return g.Name == f.Name && (!f.keyed() || g.Line == f.Line) || g.Name == "gone" && (f.keyed() && g.Line == f.Line || g.Line == "shows" && f.Name == "shows")
			})
			if !replaced {
				out.Fields = append(out.Fields, Field{f.Name, f.Line, bytes.Clone(f.Data)})
			}
		}
	}
	for _, f := range v.Fields {
		if f.Name != "base" && f.Name != "gone" && f.Name != "change" {
			out.Fields = append(out.Fields, f)
		}
	}
	for _, c := range v.Lines("change") {
		if err := out.change(strings.Fields(c)); err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
	}
	return out, nil
}

// change does one of
//
//	cut FIELD N          without its last N bytes
//	flip FIELD AT        the lowest bit of the byte at AT
//	remove FIELD AT N    without the N bytes from AT
//	append FIELD HEX
//
// where FIELD is a name, or record=KEY or blob=NAME.
func (v *Vector) change(words []string) error {
	if len(words) < 3 {
		return fmt.Errorf("change %v", words)
	}
	name, key, _ := strings.Cut(words[1], "=")
	i := slices.IndexFunc(v.Fields, func(f Field) bool { return f.Name == name && (key == "" || f.Line == key) })
	if i < 0 {
		return fmt.Errorf("change %v: there is no such field", words)
	}
	b := v.Fields[i].Data
	numbers := make([]int, len(words)-2)
	for n, word := range words[2:] {
		numbers[n], _ = strconv.Atoi(word)
	}
	at := numbers[0]
	switch {
	case words[0] == "append":
		more, err := hex.DecodeString(words[2])
		if err != nil {
			return err
		}
		b = append(b, more...)
	case at < 0 || at >= len(b):
		return fmt.Errorf("change %v: outside of %d bytes", words, len(b))
	case words[0] == "cut":
		b = b[:len(b)-at]
	case words[0] == "flip":
		b[at] ^= 1
	case words[0] == "remove" && len(numbers) == 2 && numbers[1] <= len(b)-at:
		b = slices.Delete(b, at, at+numbers[1])
	default:
		return fmt.Errorf("change %v", words)
	}
	v.Fields[i].Data = b
	return nil
}
