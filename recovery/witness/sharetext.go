package witness

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// How a share is written: a line for each thing that it says, numbered lines of its
// bytes, and an end. Lines that begin with anything else are for people, and do not count.
const (
	shareTitle  = "Reconnect witness: one of two shares of its keys"
	shareAdvice = `
Alone it tells nothing, to nobody. It belongs to one person, in a sealed envelope, in
another place than the second share. When the witness has lost its store, both together
bring its keys back:  refserver witness restore-keys SHARE SHARE
A photo or a copy of this page is as good as the page.
`
	lineBytes  = 20 // of the share in one line: 32 letters
	lineCheck  = 3  // bytes of check letters of a line: 5 letters
	wholeCheck = 10 // and of the whole: 16 letters
	letterRun  = 8  // letters in a group
)

// shareLetters are small letters and the digits 2 to 7 (RFC 4648): no 0, 1, 8 or 9.
var shareLetters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// String is the text of a share.
func (s *share) String() string {
	var b strings.Builder
	b.WriteString(shareTitle + "\n" + shareAdvice + "\n")
	for _, line := range s.header() {
		b.WriteString(line + "\n")
	}
	b.WriteString("\n")
	for n, left := 1, s.pad; len(left) > 0; n++ {
		piece := left[:min(lineBytes, len(left))]
		left = left[len(piece):]
		fmt.Fprintf(&b, "%4d ", n)
		letters := shareLetters.EncodeToString(piece)
		for letters != "" {
			run := letters[:min(letterRun, len(letters))]
			letters = letters[len(run):]
			b.WriteString(" " + run)
		}
		b.WriteString("  " + s.checkLine(n, piece) + "\n")
	}
	b.WriteString("\nend      " + s.checkWhole() + "\n")
	return b.String()
}

// header is what a share says, in the order in which it says it.
func (s *share) header() []string {
	lines := []string{
		"witness  " + s.of.String(),
		"made     " + s.made.Format(time.RFC3339),
		"set      " + shareLetters.EncodeToString(s.set[:]),
		"share    " + strconv.Itoa(s.number) + " of 2",
	}
	for _, k := range s.keys {
		lines = append(lines, "key      "+k)
	}
	return append(lines, "proof    "+shareLetters.EncodeToString(s.proof[:]))
}

func (s *share) checkLine(n int, piece []byte) string {
	return checkLetters(lineCheck, []byte("reconnect escrow line"), s.set[:], []byte{byte(s.number)}, binary.BigEndian.AppendUint64(nil, uint64(n)), piece)
}

func (s *share) checkWhole() string {
	return checkLetters(wholeCheck, []byte("reconnect escrow share"), []byte(strings.Join(s.header(), "\n")), s.pad)
}

func checkLetters(size int, parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		_, _ = h.Write(p)
	}
	return shareLetters.EncodeToString(h.Sum(nil)[:size])
}

// parseShare reads a share. Spaces, empty lines and the case of letters do not count.
func parseShare(text string) (*share, error) {
	s, ended := new(share), false
	if len(text) > 4*maxShare {
		return nil, errors.New("it is too long for a share")
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(strings.ToLower(line))
		if len(words) < 2 || ended {
			continue
		}
		var err error
		if _, isNumber := strconv.Atoi(words[0]); isNumber == nil {
			err = s.readLine(words)
		} else if words[0] == "end" {
			if ended = true; words[1] != s.checkWhole() {
				err = errors.New("a line is missing, or one of those above the numbers is wrong")
			}
		} else {
			err = s.readWord(words[0], words[1:])
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case s.number == 0 || s.set == [16]byte{}:
		return nil, errors.New("it is no share")
	case !ended:
		return nil, errors.New("its end is missing")
	}
	return s, nil
}

// readWord reads a line that says something of the share; others are for people.
func (s *share) readWord(word string, rest []string) (err error) {
	switch word {
	case "witness":
		if key, err := ParsePublicKey(rest[0]); err == nil { // the title begins so, too
			s.of = key
		}
	case "made":
		if s.made, err = time.Parse(time.RFC3339, strings.ToUpper(rest[0])); err == nil {
			s.made = s.made.UTC()
		}
	case "set":
		err = readLetters(s.set[:], rest[0])
	case "proof":
		err = readLetters(s.proof[:], rest[0])
	case "share":
		s.number = 1 + strings.Index("12", rest[0])
	case "key":
		s.keys = append(s.keys, strings.Join(rest, " "))
	}
	if err != nil {
		return fmt.Errorf("the line that begins with %q is wrong", word)
	}
	return nil
}

// readLine reads a numbered line, and says so if it is wrong.
func (s *share) readLine(words []string) error {
	wrong := fmt.Errorf("line %s is wrong", words[0])
	n, err := strconv.Atoi(words[0])
	if err != nil || len(words) < 3 {
		return wrong
	}
	if expected := len(s.pad)/lineBytes + 1; n != expected || len(s.pad)%lineBytes != 0 {
		return fmt.Errorf("line %d is missing, or there is one too many", expected)
	}
	last := len(words) - 1
	letters := strings.Join(words[1:last], "")
	piece, err := shareLetters.DecodeString(letters)
	// Decoding takes bits that are left over: there is one spelling.
	if err != nil || shareLetters.EncodeToString(piece) != letters || len(piece) > lineBytes || s.checkLine(n, piece) != words[last] {
		return wrong
	}
	s.pad = append(s.pad, piece...)
	return nil
}

func readLetters(into []byte, letters string) error {
	b, err := shareLetters.DecodeString(letters)
	if err != nil || len(b) != len(into) || shareLetters.EncodeToString(b) != letters {
		return errors.New("not the letters that are expected")
	}
	copy(into, b)
	return nil
}
