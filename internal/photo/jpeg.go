package photo

import (
	"bytes"
	"encoding/binary"
)

// Markers of ITU-T T.81, table B.1.
const (
	markerJPG   = 0xC8
	markerSOF0  = 0xC0
	markerSOF15 = 0xCF
	markerRST0  = 0xD0
	markerRST7  = 0xD7
	markerEOI   = 0xD9
	markerSOS   = 0xDA
	markerDRI   = 0xDD
	markerAPP0  = 0xE0
	markerAPP1  = 0xE1
	markerAPP2  = 0xE2
	markerAPP14 = 0xEE
)

var (
	exifName = []byte("Exif\x00\x00")
	jfifName = []byte("JFIF\x00")
	iccName  = []byte("ICC_PROFILE\x00")
	adobe    = []byte("Adobe")
)

func (s *Stripper) jpegStart() error {
	soi, err := s.take(2)
	s.emit(soi)
	s.step = s.jpegSegment
	return err
}

// jpegSegment reads a marker and what belongs to it. What comes before is pixels, or
// the end of another segment.
func (s *Stripper) jpegSegment() error {
	b, err := s.take(2)
	if err != nil {
		return err
	}
	for b[0] == 0xFF && b[1] == 0xFF { // a marker may be preceded by any number of these
		if b[1], err = s.src.ReadByte(); err != nil {
			return broken(err)
		}
	}
	marker := b[1]
	switch {
	case b[0] != 0xFF, marker < markerSOF0, marker >= markerRST0 && marker <= 0xD8:
		return ErrBroken
	case marker == markerEOI:
		s.emit(b)
		s.step = s.end // whatever follows, a film or a second picture with a place of its own, does not
		return nil
	}
	length, err := s.take(2)
	if err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint16(length)) - 2
	if n < 0 {
		return ErrBroken
	}
	body, err := s.take(n)
	if err != nil {
		return err
	}
	s.keepSegment(marker, body)
	if marker == markerSOS {
		s.step = s.jpegPixels
	}
	return nil
}

// keepSegment passes on what the picture needs, by a list of what is kept: what
// nobody has thought of goes.
func (s *Stripper) keepSegment(marker byte, body []byte) {
	switch {
	case marker >= markerSOF0 && marker <= markerSOF15 && marker != markerJPG, // among them DHT and DAC
		marker >= markerSOS && marker <= markerDRI:
	case marker == markerAPP0 && bytes.HasPrefix(body, jfifName) && len(body) >= 14:
		body = append(body[:12:12], 0, 0) // without its small picture
	case marker == markerAPP1 && bytes.HasPrefix(body, exifName) && s.turn(body[len(exifName):]):
		body = append(bytes.Clone(exifName), onlyOrientation(s.turned)...)
	case marker == markerAPP2 && bytes.HasPrefix(body, iccName):
	case marker == markerAPP14 && bytes.HasPrefix(body, adobe) && len(body) >= 12: // how colours are stored
		body = body[:12]
	default:
		return
	}
	head := binary.BigEndian.AppendUint16([]byte{0xFF, marker}, uint16(len(body)+2))
	s.emit(head, body)
}

// jpegPixels passes on compressed pixels up to the next marker.
func (s *Stripper) jpegPixels() error {
	if _, err := s.src.Peek(2); err != nil {
		return broken(err)
	}
	buffered, _ := s.src.Peek(s.src.Buffered())
	n := bytes.IndexByte(buffered, 0xFF)
	switch {
	case n < 0:
		n = len(buffered)
	case n > 0:
	case buffered[1] == 0 || buffered[1] >= markerRST0 && buffered[1] <= markerRST7: // a pixel byte of 255, or a restart
		n = 2
	default:
		s.step = s.jpegSegment
		return nil
	}
	s.pass = int64(n)
	return nil
}
