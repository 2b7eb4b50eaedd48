package seal

import "bytes"

// StreamAssociated is the associated data of a stream, for tests against Tink.
func StreamAssociated(c Context) []byte { return c.bind(Format, AlgStream, nil) }

// The parts of this package that tests look at from outside.
var (
	HKDF256     = hkdf256
	LowOrder    = lowOrder
	SegmentSize = segmentSize
	HeaderSize  = headerSize
	FullPlain   = fullPlain
)

const LastType = lastType

// SealSegment seals one segment of a stream as the writer would, so that tests
// can make streams that it never makes.
func SealSegment(key Key, c Context, header, plain []byte, segment int64, last bool) ([]byte, error) {
	s, err := parseHeader(key, c, header)
	if err != nil {
		return nil, err
	}
	return s.seal(nil, plain, segment, last), nil
}

// PooledBuffersHold says whether a buffer that waits for the next stream has
// these bytes in it.
func PooledBuffersHold(mark []byte) bool {
	var taken []*buffer
	found := false
	for range 8 {
		b := buffers.Get().(*buffer)
		taken = append(taken, b)
		found = found || bytes.Contains(b[:], mark)
	}
	for _, b := range taken {
		clear(b[:]) // so that one finding is not another's
		buffers.Put(b)
	}
	return found
}
