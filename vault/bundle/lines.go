package bundle

import (
	"bytes"
	"strings"

	"reconnect.example/vault"
)

// What parsers of contacts and calendars are given is bounded before: they nest as deep as
// the file says, which no recover stops, join folded lines and parameters in a time that
// grows with the square of their length, and make far more of a short line than it is long.
const (
	mostLines = 50 * vault.MaxItems // of one list, with what is in it
	mostDepth = 8                   // a calendar, an appointment, its alarm, and some of others
	mostHead  = 1024                // bytes of a property before its value
)

// unfold joins the lines of a list that were folded (RFC 5545, 3.1; RFC 6350, 3.2), each
// of which take keeps. ErrTooMany for more than mostLines; ErrDamaged if take says so.
func unfold(raw []byte, take func(line []byte) (keep, ok bool)) ([]byte, error) {
	out, lines := bytes.NewBuffer(make([]byte, 0, len(raw)+2)), 0
	var line []byte
	end := func() error {
		line = bytes.TrimLeft(line, " \t")
		keep, ok := len(line) > 0, true
		if keep {
			keep, ok = take(line)
		}
		if !ok {
			return ErrDamaged
		}
		if keep {
			if lines++; lines > mostLines {
				return ErrTooMany
			}
			out.Write(line)
			out.WriteString("\r\n")
		}
		line = line[:0]
		return nil
	}
	for part := range bytes.Lines(raw) {
		part = bytes.TrimRight(part, "\r\n")
		if len(part) > 0 && (part[0] == ' ' || part[0] == '\t') {
			line = append(line, part[1:]...)
			continue
		}
		if err := end(); err != nil {
			return nil, err
		}
		line = append(line, part...)
	}
	if err := end(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// calendarLine keeps what is read of an appointment. It goes over a line as the parser
// does, which panics at one that breaks off in its parameters.
func calendarLine() func(line []byte) (keep, ok bool) {
	depth := 0
	return func(line []byte) (keep, ok bool) {
		n := bytes.IndexAny(line, ";:")
		if n <= 0 || n > mostHead {
			return false, false
		}
		switch strings.ToUpper(string(line[:n])) { // as the parser folds it
		case "BEGIN":
			depth++
		case "END":
			depth--
		case "SUMMARY", "LOCATION", "DESCRIPTION", "UID", "RECURRENCE-ID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE":
		default:
			return false, true
		}
		return true, depth <= mostDepth && headFits(line, n)
	}
}

// headFits says whether a property has its parameters as they should be, and not too many.
func headFits(line []byte, at int) bool {
	for line[at] != ':' { // at a ; or a , after the first parameter
		if line[at] == ';' {
			n := bytes.IndexByte(line[at:], '=')
			if n <= 1 {
				return false
			}
			at += n
		}
		at++ // behind the = or the ,
		if at < len(line) && line[at] == '"' {
			n := bytes.IndexByte(line[at+1:], '"')
			if n < 0 {
				return false
			}
			at += n + 2
		} else if n := bytes.IndexAny(line[at:], `";,:`); n >= 0 {
			at += n
		} else {
			return false
		}
		if at >= len(line) || at > mostHead || !bytes.ContainsRune([]byte(";,:"), rune(line[at])) {
			return false
		}
	}
	return true
}
