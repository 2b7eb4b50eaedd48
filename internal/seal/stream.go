package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"sync"
)

// A stream, as it is stored: Tink's AES256-GCM-HKDF streaming format, main key
// and derived key of 32 bytes, HKDF-SHA256, segments of 256 KiB.
//
//	+---------+---------+------------+-----------+-----------+-----+--------------+
//	| 40 (u8) | salt 32 | nonce 7    | segment 0 | segment 1 | ... | last segment |
//	+---------+---------+------------+-----------+-----------+-----+--------------+
//
// Each segment is ciphertext and a tag of 16 bytes. Header and segment 0 take
// segmentSize bytes together, as does each further segment but the last. The
// segments' key is HKDF(key, salt, associated data); their nonce is
//
//	nonce 7 | segment number u32 | 1 for the last segment, else 0
//
// so that no segment can be dropped, repeated, moved, taken from another stream
// or made the last (attacks A4, A5). The plaintext is the document followed by
// zeros up to PaddedSize; how long the document is, its record says.
//
// This code exists beside Tink's because Tink clears and copies a fresh segment
// for each stream and offers no random access. Both are tested against each other.
const (
	segmentSize = 256 << 10
	tagSize     = 16
	streamSalt  = 32
	streamNonce = 7
	headerSize  = 1 + streamSalt + streamNonce

	fullPlain = segmentSize - tagSize // plaintext of a segment that is neither first nor last

	lead      = headerSize // where a segment begins in a buffer, after a header or not
	lookahead = 4 << 10    // behind the segment: what a writer must see of the next
)

// buffer holds one segment, sealed and opened in place.
type buffer [lead + segmentSize + lookahead]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// release gives a buffer back without the n bytes of plaintext in its segment,
// so that one person's document never lies in the buffer of another's stream.
func (b *buffer) release(n int) {
	clear(b[lead : lead+n])
	buffers.Put(b)
}

// NewStreamKey draws the key of one document revision. A stream key seals one
// stream and nothing else.
func NewStreamKey() Key { return NewKey() }

// SealedSize returns the length in bytes of the stream of a document of n bytes:
// header, padding and tags included. Like [PaddedSize] it answers math.MaxInt64
// for a length that no document has.
func SealedSize(n int64) int64 {
	if n < 0 || n > MaxStream {
		return math.MaxInt64
	}
	return StreamSize(PaddedSize(n))
}

// StreamSize is [SealedSize] for a plaintext that is padded already, as that of a part
// of a document is: to a length of its own.
func StreamSize(padded int64) int64 {
	if padded < 0 || padded > MaxStream {
		return math.MaxInt64
	}
	return headerSize + padded + tagSize*segments(padded)
}

// segments returns how many segments a padded plaintext of n bytes has.
func segments(n int64) int64 {
	return max(1, (n+headerSize+fullPlain-1)/fullPlain)
}

var (
	errStreamClosed = fmt.Errorf("seal: stream: %w", fs.ErrClosed)
	errBadReader    = errors.New("seal: reader returned an impossible count")
)

// segmentCipher seals and opens the segments of one stream.
type segmentCipher struct {
	aead  cipher.AEAD
	nonce [12]byte
}

// newSegmentCipher derives the cipher of a stream from the header's salt and
// nonce, as Tink does.
func newSegmentCipher(key Key, c Context, salt, prefix []byte) (*segmentCipher, error) {
	derived := hkdf256(key.raw(), salt, c.bind(Format, AlgStream, nil))
	block, err := aes.NewCipher(derived[:])
	if err != nil {
		return nil, errTink("stream cipher")
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, errTink("stream cipher")
	}
	s := &segmentCipher{aead: aead}
	copy(s.nonce[:], prefix)
	return s, nil
}

// parseHeader is newSegmentCipher for a header that was read.
func parseHeader(key Key, c Context, header []byte) (*segmentCipher, error) {
	if header[0] != headerSize {
		return nil, fmt.Errorf("%w: stream header", ErrOpen)
	}
	return newSegmentCipher(key, c, header[1:1+streamSalt], header[1+streamSalt:headerSize])
}

func (s *segmentCipher) setNonce(segment int64, last bool) []byte {
	binary.BigEndian.PutUint32(s.nonce[streamNonce:], uint32(segment))
	s.nonce[11] = 0
	if last {
		s.nonce[11] = 1
	}
	return s.nonce[:]
}

// seal closes plain in place; the tag comes behind it.
func (s *segmentCipher) seal(dst, plain []byte, segment int64, last bool) []byte {
	return s.aead.Seal(dst, s.setNonce(segment, last), plain, nil)
}

// open opens sealed in place. On failure nothing of the plaintext is left.
func (s *segmentCipher) open(sealed []byte, segment int64, last bool) ([]byte, error) {
	if len(sealed) < tagSize {
		return nil, ErrOpen
	}
	plain, err := s.aead.Open(sealed[:0], s.setNonce(segment, last), sealed, nil)
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

func checkStream(key Key, c Context, size, padded int64) error {
	if size < 0 || size > padded || padded > MaxStream {
		return fmt.Errorf("%w: length of document", ErrArgument)
	}
	return checkSeal(c, key.IsZero(), nil)
}

// readFull fills b. A source that ends early was cut: ErrOpen. Its own errors
// pass unchanged, also an io.ErrUnexpectedEOF, so that a broken connection is
// not taken for tampering.
func readFull(r io.Reader, b []byte) error {
	for n := 0; n < len(b); {
		m, err := readSome(r, b[n:])
		n += m
		if n == len(b) {
			return nil
		}
		if err == io.EOF {
			return fmt.Errorf("%w: stream ends early", ErrOpen)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readEnd demands that r has ended.
func readEnd(r io.Reader) error {
	var one [1]byte
	n, err := readSome(r, one[:])
	if n > 0 {
		return fmt.Errorf("%w: bytes behind the stream", ErrOpen)
	}
	if err != io.EOF {
		return err
	}
	return nil
}

// readSome is one Read that makes progress or fails.
func readSome(r io.Reader, b []byte) (int, error) {
	for range 100 {
		n, err := r.Read(b)
		if n < 0 || n > len(b) {
			return 0, errBadReader
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

func writeFull(w io.Writer, b []byte) error {
	n, err := w.Write(b)
	if err == nil && n != len(b) {
		return io.ErrShortWrite
	}
	return err
}

var zeros [4 << 10]byte

func allZero(b []byte) bool {
	for len(b) > len(zeros) {
		if !bytes.Equal(b[:len(zeros)], zeros[:]) {
			return false
		}
		b = b[len(zeros):]
	}
	return bytes.Equal(b, zeros[:len(b)])
}
