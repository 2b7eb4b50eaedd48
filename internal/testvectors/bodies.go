package testvectors

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Bodies writes one vector of the bytes of structs, by the names that docs/format.md
// gives them: each with something in every field, and with what must be there alone. What
// is in a field follows from its number, so that every program makes the same bytes.
func Bodies(structs map[string]any, marshal func(any) ([]byte, error)) (*Vector, error) {
	v := &Vector{Name: "bodies", Fields: []Field{
		{Name: "expect", Line: "success"}, {Name: "comment", Line: "The bytes of bodies and clear headers: whole, and without what may be absent."}, {Name: "kind", Line: "bodies"},
	}}
	for _, name := range slices.Sorted(maps.Keys(structs)) {
		least := reflect.New(reflect.TypeOf(structs[name])).Elem()
		whole := reflect.New(least.Type()).Elem()
		fill(whole, 1)
		for _, one := range []struct {
			word string
			of   reflect.Value
		}{{"whole", whole}, {"least", least}} {
			b, err := marshal(one.of.Interface())
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			v.Fields = append(v.Fields, Field{Name: "body", Line: one.word + " " + name, Data: bytes.Clone(b)})
		}
	}
	return v, nil
}

// fill puts something into a value that stands under a number.
func fill(v reflect.Value, n int) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("text " + strconv.Itoa(n))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(-n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), n)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			number, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("cbor"), ",")
			if n, err := strconv.Atoi(number); err == nil {
				fill(v.Field(i), n)
			}
		}
	}
}
