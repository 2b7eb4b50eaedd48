package seal

import (
	"encoding/binary"
	"fmt"
)

// suite begins every associated data and derivation of this package, so that
// nothing made here means anything elsewhere under the same key.
const suite = "reconnect v1"

// Context is the place an envelope, signature or stream is made for. It is not
// stored: who opens states where the bytes were found, and bytes from any other
// place do not open (attacks A1–A3, A6, B5, D6).
type Context struct {
	Type        Type
	Vault       [16]byte    // zero where no vault is meant
	Compartment Compartment // NoCompartment where none is meant
	Generation  uint64      // of the key
	Object      []byte      // id of the item, page, slot, blob, …
	Revision    uint64      // of the object
	Holder      []byte      // who it was made for, or by
}

// Bytes encodes c so that different contexts have different encodings, none the
// beginning of another's: fixed fields first, then each variable field after its
// length (attack I1).
//
//	"reconnect v1" | type u16 | vault 16 | compartment u8 | generation u64 |
//	revision u64 | length u64 | object | length u64 | holder
func (c Context) Bytes() []byte { return c.appendTo(nil) }

func (c Context) appendTo(b []byte) []byte {
	b = append(b, suite...)
	b = binary.BigEndian.AppendUint16(b, uint16(c.Type))
	b = append(b, c.Vault[:]...)
	b = append(b, byte(c.Compartment))
	b = binary.BigEndian.AppendUint64(b, c.Generation)
	b = binary.BigEndian.AppendUint64(b, c.Revision)
	b = appendField(b, c.Object)
	return appendField(b, c.Holder)
}

// bind is the associated data of everything made here: the context, the format
// and algorithm that will open it, and the clear header or signed message.
func (c Context) bind(format uint8, alg Algorithm, clear []byte) []byte {
	b := c.appendTo(make([]byte, 0, 128+len(c.Object)+len(c.Holder)+len(clear)))
	b = append(b, format, byte(alg))
	return appendField(b, clear)
}

func (c Context) check() error {
	if !c.Type.known() {
		return fmt.Errorf("%w: context without a known type", ErrArgument)
	}
	return nil
}

func appendField(b, field []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(len(field)))
	return append(b, field...)
}
