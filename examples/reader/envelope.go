package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xaesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/key"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/streamingaead"
	"github.com/tink-crypto/tink-go/v2/streamingaead/aesgcmhkdf"
	"golang.org/x/crypto/argon2"
)

// The three refusals of single envelopes, keys and bodies.
var (
	errFormat = errors.New("format")
	errOpen   = errors.New("open")
	errKDF    = errors.New("kdf")
)

// Algorithms of envelopes.
const (
	algXAES, algBox, algCommitted, algEd25519, algStream, algKeeper = 1, 2, 3, 4, 5, 6

	version  = 1
	lastType = 52
)

// Types of records, as far as this program opens them.
const (
	typeOwnerHead, typeSharedHead, typePrivateHead, typeJournalHead, typePage, typeItem, typeKeyring = 1, 2, 3, 4, 5, 6, 7
	typeKeyslot, typeRoot, typeWrappingKey, typeLogin, typeSession, typeJournalEntry                 = 8, 9, 10, 11, 12, 13
	typeDocument, typeOwnerPaper, typeServiceKeys, typeOrigin, typeRevision                          = 15, 16, 17, 18, 19
	typeGrant, typeTerms, typeMember                                                                 = 24, 39, 40
	typeRequest, typeContribution, typePolicy, typeStop                                              = 26, 27, 43, 44
	typeSuccession, typeReset, typeKeyFile                                                           = 22, 23, 37
)

// Compartments.
const none, owner, shared, private = 0, 1, 2, 3

// place is where bytes were found: what they are bound to.
type place struct {
	typ         uint16
	vault       [16]byte
	compartment byte
	generation  uint64
	object      []byte
	revision    uint64
	holder      []byte
}

// bind is the associated data of everything.
func (p place) bind(format, alg byte, clear []byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte("reconnect v1"), p.typ)
	b = append(append(b, p.vault[:]...), p.compartment)
	b = binary.BigEndian.AppendUint64(b, p.generation)
	b = binary.BigEndian.AppendUint64(b, p.revision)
	b = append(field(field(b, p.object), p.holder), format, alg)
	return field(b, clear)
}

func field(b, f []byte) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(f))), f...)
}

// clearOf returns the clear header of an envelope without any key.
func clearOf(b []byte) []byte {
	if len(b) < 8 || uint64(binary.BigEndian.Uint32(b[4:])) > uint64(len(b)-8) {
		return nil
	}
	return b[8 : 8+binary.BigEndian.Uint32(b[4:])]
}

// frame takes an envelope apart: nothing of it is negotiated.
func frame(p place, alg byte, b []byte) (clear, payload []byte, err error) {
	switch {
	case len(b) < 8, b[0] != version, b[1] < algXAES, b[1] > algKeeper, b[1] == algStream:
		return nil, nil, errFormat
	}
	typ, n := binary.BigEndian.Uint16(b[2:]), uint64(binary.BigEndian.Uint32(b[4:]))
	switch {
	case typ < 1, typ > lastType, n > uint64(len(b)-8), b[1] != alg:
		return nil, nil, errFormat
	case typ != p.typ:
		return nil, nil, errOpen
	}
	return b[8 : 8+n], b[8+n:], nil
}

// openSealed opens an envelope under XAES-256-GCM.
func openSealed(secret []byte, p place, b []byte) (clear, body []byte, err error) {
	clear, payload, err := frame(p, algXAES, b)
	if err != nil {
		return nil, nil, err
	}
	body, err = openXAES(secret, payload, p.bind(version, algXAES, clear))
	return clear, body, err
}

func openXAES(secret, payload, associated []byte) ([]byte, error) {
	parameters, err := xaesgcm.NewParameters(xaesgcm.VariantNoPrefix, 12)
	if err != nil {
		return nil, err
	}
	k, err := xaesgcm.NewKey(secretdata.NewBytesFromData(secret, insecuresecretdataaccess.Token{}), 0, parameters)
	if err != nil {
		return nil, errOpen
	}
	h, err := keysetOf(k)
	if err != nil {
		return nil, err
	}
	a, err := aead.New(h)
	if err != nil {
		return nil, err
	}
	padded, err := a.Decrypt(payload, associated)
	if err != nil {
		return nil, errOpen
	}
	return unpad(padded)
}

func keysetOf(k key.Key) (*keyset.Handle, error) {
	m := keyset.NewManager()
	id, err := m.AddKey(k)
	if err != nil {
		return nil, err
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, err
	}
	return m.Handle()
}

// openCommitted opens an envelope whose key comes from a human secret.
func openCommitted(secret []byte, p place, b []byte) (clear, body []byte, err error) {
	clear, payload, err := frame(p, algCommitted, b)
	if err != nil {
		return nil, nil, err
	}
	padded := len(payload) - 32 - 12 - 12 - 16
	if padded < 256 || bodyClass(padded) != padded {
		return nil, nil, errFormat
	}
	info := append(p.bind(version, algCommitted, nil), "commit"...)
	keys, err := hkdf.Key(sha256.New, secret, nil, string(info), 64)
	if err != nil {
		return nil, nil, err
	}
	if subtle.ConstantTimeCompare(keys[:32], payload[:32]) != 1 {
		return nil, nil, errOpen
	}
	body, err = openXAES(keys[32:], payload[32:], p.bind(version, algCommitted, clear))
	return clear, body, err
}

// openBox opens what was sealed to an inbox. X-Wing is what Go calls ML-KEM-768
// with X25519.
func openBox(seed []byte, p place, b []byte) (clear, body []byte, err error) {
	clear, payload, err := frame(p, algBox, b)
	if err != nil {
		return nil, nil, err
	}
	k, err := hpke.MLKEM768X25519().NewPrivateKey(seed)
	if err != nil {
		return nil, nil, errOpen
	}
	padded, err := hpke.Open(k, hpke.HKDFSHA256(), hpke.AES256GCM(), p.bind(version, algBox, clear), payload)
	if err != nil {
		return nil, nil, errOpen
	}
	body, err = unpad(padded)
	return clear, body, err
}

// openKept opens what a key service keeps, with the key of a key file.
func openKept(file []byte, p place, b []byte) (clear, body []byte, err error) {
	clear, payload, err := frame(p, algKeeper, b)
	if err != nil {
		return nil, nil, err
	}
	_, inside, err := openSealed(file, place{typ: typeKeyFile}, payload)
	if err != nil {
		return nil, nil, err
	}
	padded, ok := bytes.CutPrefix(inside, field(nil, p.bind(version, algKeeper, clear)))
	if !ok {
		return nil, nil, errOpen
	}
	body, err = unpad(padded)
	return clear, body, err
}

// openSigned verifies an envelope that everybody can read.
func openSigned(public []byte, p place, b []byte) ([]byte, error) {
	message, signature, err := frame(p, algEd25519, b)
	if err != nil {
		return nil, err
	}
	return message, verify(public, p.bind(version, algEd25519, message), signature)
}

// verifyDetached verifies a signature outside an envelope.
func verifyDetached(public []byte, p place, message, signature []byte) error {
	return verify(public, p.bind(0, algEd25519, message), signature)
}

func verify(public, message, signature []byte) error {
	if !goodPublic(public) {
		return errFormat
	}
	if len(signature) != ed25519.SignatureSize || !ed25519.Verify(public, message, signature) {
		return errOpen
	}
	return nil
}

// lowOrder are the y coordinates of the points of low order, little-endian.
var lowOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000", "0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

func goodPublic(public []byte) bool {
	if len(public) != 32 {
		return false
	}
	y := bytes.Clone(public)
	y[31] &= 0x7f
	for _, low := range lowOrder {
		if bytes.Equal(y, unhex(low)) {
			return false
		}
	}
	slices.Reverse(y)
	return bytes.Compare(y, unhex("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed")) < 0
}

// unpad takes the padding off a body.
func unpad(padded []byte) ([]byte, error) {
	end := len(bytes.TrimRight(padded, "\x00"))
	if end == 0 || padded[end-1] != 0x80 || bodyClass(end) != len(padded) {
		return nil, errOpen
	}
	return padded[:end-1], nil
}

func bodyClass(n int) int {
	switch {
	case n <= 256:
		return 256
	case n <= 4096:
		return 1 << bits.Len(uint(n-1))
	}
	return int(padme(int64(n)))
}

func documentClass(n int64) int64 {
	if n <= 1024 {
		return 1024
	}
	return padme(n)
}

func padme(n int64) int64 {
	e := bits.Len64(uint64(n)) - 1
	mask := int64(1)<<(e-bits.Len64(uint64(e))) - 1
	return (n + mask) &^ mask
}

// sealedSize is the length of the stream of a document.
func sealedSize(n int64) int64 { return streamSize(documentClass(n)) }

// streamSize is that of a plaintext that is padded.
func streamSize(padded int64) int64 {
	segments := (padded + 40 + 256<<10 - 16 - 1) / (256<<10 - 16)
	return 40 + padded + 16*segments
}

// openStream opens a whole stream with Tink and takes the padding off; length is with it.
func openStream(secret []byte, p place, size, length int64, stream []byte) ([]byte, error) {
	if size < 0 || size > length || length > 1<<40 || int64(len(stream)) != streamSize(length) {
		return nil, errOpen
	}
	parameters, err := aesgcmhkdf.NewParameters(aesgcmhkdf.ParametersOpts{
		KeySizeInBytes: 32, DerivedKeySizeInBytes: 32, HKDFHashType: aesgcmhkdf.SHA256, SegmentSizeInBytes: 256 << 10,
	})
	if err != nil {
		return nil, err
	}
	k, err := aesgcmhkdf.NewKey(parameters, secretdata.NewBytesFromData(secret, insecuresecretdataaccess.Token{}))
	if err != nil {
		return nil, errOpen
	}
	h, err := keysetOf(k)
	if err != nil {
		return nil, err
	}
	s, err := streamingaead.New(h)
	if err != nil {
		return nil, err
	}
	r, err := s.NewDecryptingReader(bytes.NewReader(stream), p.bind(version, algStream, nil))
	if err != nil {
		return nil, errOpen
	}
	padded, err := io.ReadAll(r)
	if err != nil || int64(len(padded)) != length || len(bytes.Trim(padded[size:], "\x00")) > 0 {
		return nil, errOpen
	}
	return padded[:size], nil
}

// kdf says how a key comes from a password.
type kdf struct {
	algorithm, time, memory, threads uint64
	salt                             []byte
}

func (k kdf) check() error {
	if k.algorithm != 1 || k.time < 3 || k.time > 10 || k.memory < 64<<10 || k.memory > 256<<10 ||
		k.threads < 1 || k.threads > 4 || len(k.salt) < 16 || len(k.salt) > 32 {
		return errKDF
	}
	return nil
}

func (k kdf) derive(password string) ([]byte, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	return argon2.IDKey([]byte(password), k.salt, uint32(k.time), uint32(k.memory), uint8(k.threads), 32), nil
}

// derive makes a key from a secret of full entropy.
func derive(secret []byte, label string, salt []byte) []byte {
	info := field([]byte("reconnect v1 derive"), []byte(label))
	k, err := hkdf.Key(sha256.New, secret, salt, string(info), 32)
	if err != nil {
		return nil
	}
	return k
}
