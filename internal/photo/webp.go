package photo

import (
	"bytes"
	"encoding/binary"
	"io"
)

// webpPlace is where in the container a Stripper is. The container says its length
// at the beginning, before anybody knows what follows: so metadata is overwritten
// there, and not left out.
type webpPlace struct {
	left  int64 // bytes of the container
	frame int64 // of the frame of an animation, within it; 0: in none
	blank int64 // bytes to be overwritten
}

const (
	webpHasXMP = 0x04 // in the first byte of VP8X
	webpFrame  = 16   // bytes of a frame's header
)

func (s *Stripper) webpStart() error {
	head, err := s.take(12)
	if err != nil {
		return err
	}
	s.webp.left = int64(binary.LittleEndian.Uint32(head[4:])) - 4
	first, err := s.src.Peek(4)
	if err != nil {
		return broken(err)
	}
	if !bytes.HasPrefix(first, []byte("VP8")) || s.webp.left < 8 {
		return ErrBroken
	}
	s.emit(head)
	s.step = s.webpChunk
	return nil
}

func (s *Stripper) webpChunk() error {
	switch {
	case s.webp.blank > 0:
		n := min(s.webp.blank, 32<<10)
		s.webp.blank -= n
		s.emit(make([]byte, n))
		return s.skip(n)
	case s.webp.left == 0:
		return s.end() // whatever follows does not
	}
	head, err := s.take(8)
	if err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(head[4:]))
	n += n & 1
	if !s.webpEnter(8) {
		return ErrBroken
	}
	if string(head[:4]) == "ANMF" && s.webp.frame == 0 && n >= webpFrame && n <= s.webp.left {
		s.webp.frame = n
		s.emit(head)
		s.pass = webpFrame
		return s.entered(webpFrame)
	}
	if !s.webpEnter(n) {
		return ErrBroken
	}
	return s.webpKeep(head, n)
}

// webpEnter counts n bytes that follow. False if the container, or the frame, has no
// so many.
func (s *Stripper) webpEnter(n int64) bool {
	if n > s.webp.left || s.webp.frame > 0 && n > s.webp.frame {
		return false
	}
	s.webp.left -= n
	s.webp.frame = max(0, s.webp.frame-n)
	return true
}

func (s *Stripper) entered(n int64) error {
	if !s.webpEnter(n) {
		return ErrBroken
	}
	return nil
}

// webpKeep passes on what the picture needs and overwrites the rest.
func (s *Stripper) webpKeep(head []byte, n int64) error {
	switch string(head[:4]) {
	case "VP8 ", "VP8L", "ALPH", "ANIM", "ICCP":
		s.emit(head)
		s.pass = n
		return nil
	case "VP8X":
		if n != 10 {
			return ErrBroken
		}
		body, err := s.take(int(n))
		if err == nil {
			body[0] &^= webpHasXMP
			s.emit(head, body)
		}
		return err
	case "EXIF":
		return s.webpEXIF(head, n)
	}
	s.emit([]byte("JUNK"), head[4:])
	s.webp.blank = n
	return nil
}

// webpEXIF leaves the orientation in its place, and zeros behind it.
func (s *Stripper) webpEXIF(head []byte, n int64) error {
	body, err := s.src.Peek(int(min(n, maxTIFF)))
	if err != nil && err != io.EOF {
		return err
	}
	s.turn(bytes.TrimPrefix(body, exifName)) // some write it as in a JPEG
	exif := onlyOrientation(s.turned)
	if n < int64(len(exif)) {
		s.emit([]byte("JUNK"), head[4:])
		s.webp.blank = n
		return nil
	}
	s.emit(head, exif)
	s.webp.blank = n - int64(len(exif))
	return s.skip(int64(len(exif)))
}
