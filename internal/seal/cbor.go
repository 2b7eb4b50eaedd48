package seal

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"sync"
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
// integers. What would not come back as it went in is refused with ErrArgument:
// time.Time (store Unix milliseconds in an int64), floats, interfaces, keys,
// unexported fields, strings that are not UTF-8, more entries than Unmarshal
// takes. So nothing is sealed that cannot be read again.
func Marshal(v any) ([]byte, error) {
	t := reflect.TypeOf(v)
	if err := check(t); err != nil {
		return nil, err
	}
	b, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%w: no encoding for %v", ErrArgument, t)
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if err := decode(b, reflect.New(t).Interface()); err != nil {
		return nil, fmt.Errorf("%w: %v would not come back as it is", ErrArgument, t)
	}
	return b, nil
}

// Unmarshal decodes exactly what [Marshal] makes into v, a pointer to a zero
// value. Everything else is ErrFormat: duplicate keys, unknown fields, trailing
// bytes, indefinite lengths, tags, numbers or keys in another form or order
// (attack I2). What it accepts, Marshal encodes to the same bytes again.
func Unmarshal(b []byte, v any) error {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("%w: decoding needs a pointer", ErrArgument)
	}
	if err := check(p.Type()); err != nil {
		return err
	}
	return decode(b, v)
}

func decode(b []byte, v any) error {
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

// checked holds what checkType said of each type that it was asked about, which never
// changes: looking through a type takes longer than decoding a value of it, and a program
// has few.
var checked sync.Map // by reflect.Type: an error, or nil

// check is checkType, asked once of each type.
func check(t reflect.Type) error {
	if t == nil {
		return checkType(nil, nil)
	}
	said, known := checked.Load(t)
	if !known {
		said, _ = checked.LoadOrStore(t, checkType(t, nil))
	}
	err, _ := said.(error)
	return err
}

// checkType refuses types that do not come back from CBOR as they went in: those
// with an encoding of their own, and kinds that have none or several. outer are
// the types around t.
func checkType(t reflect.Type, outer []reflect.Type) error {
	if t == nil {
		return fmt.Errorf("%w: nothing to encode", ErrArgument)
	}
	if slices.Contains(outer, t) { // a recursive type: being checked further up
		return nil
	}
	outer = append(outer, t)
	if t == timeType || t.Implements(marshalerType) || reflect.PointerTo(t).Implements(marshalerType) {
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
		return checkFields(t, outer)
	default:
		return fmt.Errorf("%w: %v has no exact encoding", ErrArgument, t)
	}
}

func checkFields(t reflect.Type, outer []reflect.Type) error {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("cbor") == "-" { // said by hand that it stays out
			continue
		}
		if !f.IsExported() && !f.Anonymous {
			return fmt.Errorf("%w: %v would lose its field %s", ErrArgument, t, f.Name)
		}
		if err := checkType(f.Type, outer); err != nil {
			return err
		}
	}
	return nil
}
