package seal

import (
	"bytes"
	"fmt"
	"reflect"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Limits of what Unmarshal takes. A record has at most 1 MiB.
const (
	maxNesting  = 16
	maxElements = 1 << 16
	maxPairs    = 1 << 12
)

// Marshal encodes v as deterministic CBOR (RFC 8949, section 4.2.1). v is made of
// structs, pointers, slices, arrays, maps, strings, byte strings, booleans and
// integers. Anything whose encoding is not exact is refused with ErrArgument:
// time.Time (store Unix milliseconds in an int64), floats, interfaces, keys.
func Marshal(v any) ([]byte, error) {
	if err := checkType(reflect.TypeOf(v), nil); err != nil {
		return nil, err
	}
	b, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%w: no encoding for %T", ErrArgument, v)
	}
	return b, nil
}

// Unmarshal decodes exactly what [Marshal] makes into v, a pointer to a zero
// value. Everything else is ErrFormat: duplicate keys, unknown fields, trailing
// bytes, indefinite lengths, tags, numbers or keys in another form or order
// (attack I2). What it accepts, Marshal encodes to the same bytes again.
func Unmarshal(b []byte, v any) error {
	if err := checkType(reflect.TypeOf(v), nil); err != nil {
		return err
	}
	if err := decMode.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%w: body", ErrFormat) // the decoder's text may quote the body
	}
	again, err := encMode.Marshal(v)
	if err != nil || !bytes.Equal(again, b) {
		return fmt.Errorf("%w: body is not in its one encoding", ErrFormat)
	}
	return nil
}

var encMode = must(cbor.EncOptions{
	Sort:            cbor.SortCoreDeterministic,
	ShortestFloat:   cbor.ShortestFloat16,
	NaNConvert:      cbor.NaNConvertReject,
	InfConvert:      cbor.InfConvertReject,
	BigIntConvert:   cbor.BigIntConvertReject,
	IndefLength:     cbor.IndefLengthForbidden,
	TagsMd:          cbor.TagsForbidden,
	BinaryMarshaler: cbor.BinaryMarshalerNone,
	TextMarshaler:   cbor.TextMarshalerNone,
}.EncMode())

var decMode = must(cbor.DecOptions{
	DupMapKey:         cbor.DupMapKeyEnforcedAPF,
	IndefLength:       cbor.IndefLengthForbidden,
	TagsMd:            cbor.TagsForbidden,
	MaxNestedLevels:   maxNesting,
	MaxArrayElements:  maxElements,
	MaxMapPairs:       maxPairs,
	ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	UTF8:              cbor.UTF8RejectInvalid,
	FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
	BinaryUnmarshaler: cbor.BinaryUnmarshalerNone,
	TextUnmarshaler:   cbor.TextUnmarshalerNone,
}.DecMode())

// must is for the two options above, which are constants.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	timeType      = reflect.TypeFor[time.Time]()
	marshalerType = reflect.TypeFor[cbor.Marshaler]()
)

// checkType refuses types that do not come back from CBOR as they went in.
func checkType(t reflect.Type, outer []reflect.Type) error {
	if t == nil {
		return fmt.Errorf("%w: nothing to encode", ErrArgument)
	}
	for _, o := range outer {
		if o == t { // a recursive type: being checked further up
			return nil
		}
	}
	outer = append(outer, t)
	if t == timeType || t.Implements(marshalerType) {
		return fmt.Errorf("%w: %v has no exact encoding", ErrArgument, t)
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return nil
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return checkType(t.Elem(), outer)
	case reflect.Map:
		if err := checkType(t.Key(), outer); err != nil {
			return err
		}
		return checkType(t.Elem(), outer)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && f.Tag.Get("cbor") != "-" {
				if err := checkType(f.Type, outer); err != nil {
					return err
				}
			}
		}
		return nil
	default:
		return fmt.Errorf("%w: %v has no exact encoding", ErrArgument, t)
	}
}
