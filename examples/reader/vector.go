package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// vector is one file of vectors: fields in order, as the end of docs/format.md
// describes them.
type vector struct{ fields []vectorField }

type vectorField struct {
	name, line string
	data       []byte // of the lines below
}

// load reads a file and lays it over its base.
func load(name string) (*vector, error) {
	v, err := readVector(name)
	if err != nil {
		return nil, err
	}
	base := &vector{}
	if b := v.text("base"); b != "" {
		if base, err = load(filepath.Join(filepath.Dir(name), b+".txt")); err != nil {
			return nil, err
		}
	}
	base.fields = slices.DeleteFunc(base.fields, v.replaces)
	for _, f := range v.fields {
		if f.name != "base" && f.name != "gone" && f.name != "change" {
			base.fields = append(base.fields, f)
		}
	}
	for _, f := range v.all("change") {
		if err := base.change(strings.Fields(f.line)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return base, nil
}

func readVector(name string) (*vector, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	v := &vector{}
	for _, line := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
		if below, ok := strings.CutPrefix(line, " "); ok && len(v.fields) > 0 {
			f := &v.fields[len(v.fields)-1]
			f.data = append(f.data, below...)
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		v.fields = append(v.fields, vectorField{name: name, line: strings.TrimPrefix(value, " ")})
	}
	for i := range v.fields {
		f := &v.fields[i]
		if f.data != nil {
			if f.data, err = base64.StdEncoding.DecodeString(string(f.data)); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", name, f.name, err)
			}
		}
	}
	return v, nil
}

// replaces says whether a field of the base is another one here, or gone.
func (v *vector) replaces(old vectorField) bool {
	many := old.name == "record" || old.name == "blob" || old.name == "shows"
	return slices.ContainsFunc(v.fields, func(f vectorField) bool {
		return f.name == old.name && (!many || f.line == old.line) ||
			f.name == "gone" && (many && f.line == old.line || f.line == "shows" && old.name == "shows")
	})
}

// change alters one field, so that a vector shows what is wrong and not the rest.
func (v *vector) change(words []string) error {
	name, key, _ := strings.Cut(words[1], "=")
	i := slices.IndexFunc(v.fields, func(f vectorField) bool { return f.name == name && (key == "" || f.line == key) })
	if i < 0 {
		return fmt.Errorf("change %v: no such field", words)
	}
	f := &v.fields[i]
	at, _ := strconv.Atoi(words[2])
	switch words[0] {
	case "cut":
		f.data = f.data[:len(f.data)-at]
	case "flip":
		f.data[at] ^= 1
	case "remove":
		n, _ := strconv.Atoi(words[3])
		f.data = slices.Delete(f.data, at, at+n)
	case "append":
		f.data = append(f.data, unhex(words[2])...)
	}
	return nil
}

func (v *vector) all(name string) (out []vectorField) {
	for _, f := range v.fields {
		if f.name == name {
			out = append(out, f)
		}
	}
	return out
}

func (v *vector) first(name string) vectorField {
	for _, f := range v.all(name) {
		return f
	}
	return vectorField{}
}

func (v *vector) text(name string) string { return v.first(name).line }

func (v *vector) number(name string) uint64 {
	n, _ := strconv.ParseUint(v.text(name), 10, 64)
	return n
}

func (v *vector) bytes(name string) []byte {
	if f := v.first(name); f.data != nil {
		return f.data
	}
	return unhex(v.text(name))
}

// place is the context that a vector gives.
func (v *vector) place() place {
	return place{
		typ: uint16(v.number("type")), vault: [16]byte(v.bytes("vault")), compartment: byte(v.number("compartment")),
		generation: v.number("generation"), object: v.bytes("object"), revision: v.number("revision"), holder: v.bytes("holder"),
	}
}

// same compares what was opened with what the vector says.
func (v *vector) same(name string, got []byte) error {
	if !bytes.Equal(v.bytes(name), got) {
		return fmt.Errorf("another %s", name)
	}
	return nil
}

func (v *vector) record(key string) []byte { return v.keyed("record", key) }
func (v *vector) blob(name string) []byte  { return v.keyed("blob", name) }

func (v *vector) keyed(name, key string) []byte {
	for _, f := range v.all(name) {
		if f.line == key {
			return f.data
		}
	}
	return nil
}
