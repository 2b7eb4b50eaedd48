package photo

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// pngKept are the chunks that the picture needs (PNG, third edition). Text, time,
// EXIF and whatever a program invented for itself are not among them.
var pngKept = []string{
	"IHDR", "PLTE", "IDAT", "tRNS", "cHRM", "gAMA", "iCCP", "sBIT", "sRGB", "cICP", "mDCV", "cLLI", "bKGD", "hIST", "pHYs", "acTL", "fcTL", "fdAT",
}

func (s *Stripper) pngStart() error {
	b, err := s.take(len(pngSignature))
	if err != nil {
		return err
	}
	head, err := s.src.Peek(8)
	if err != nil {
		return broken(err)
	}
	if string(head) != "\x00\x00\x00\x0DIHDR" {
		return ErrBroken
	}
	s.emit(b)
	s.step = s.pngChunk
	return nil
}

func (s *Stripper) pngChunk() error {
	head, err := s.take(8)
	if err != nil {
		return err
	}
	n, name := int64(binary.BigEndian.Uint32(head)), string(head[4:])
	switch {
	case n > 1<<31-1, slices.ContainsFunc(head[4:], func(b byte) bool { return (b|0x20) < 'a' || (b|0x20) > 'z' }):
		return ErrBroken
	case slices.Contains(pngKept, name):
		s.emit(head)
		s.pass = n + 4 // and its checksum
		return nil
	case name == "IEND":
		sum, err := s.take(4)
		if err != nil || n != 0 {
			return orBroken(err)
		}
		s.emit(head, sum)
		s.step = s.end
		return nil
	case head[4]&0x20 == 0: // it says of itself that the picture cannot do without it
		return ErrBroken
	case name == "eXIf" && n <= maxTIFF:
		return s.pngEXIF(int(n))
	}
	return s.skip(n + 4)
}

func (s *Stripper) pngEXIF(n int) error {
	body, err := s.take(n + 4)
	if err == nil && s.turn(body[:n]) {
		exif := append([]byte("eXIf"), onlyOrientation(s.turned)...)
		s.emit(binary.BigEndian.AppendUint32(nil, uint32(len(exif)-4)), exif, binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(exif)))
	}
	return err
}

func orBroken(err error) error {
	if err == nil {
		return ErrBroken
	}
	return err
}
