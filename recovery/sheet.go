package recovery

import (
	"strings"
	"unicode"

	"rsc.io/qr"

	"reconnect.example/internal/digits"
	"reconnect.example/vault"
)

// Sheet is a recovery sheet: it is printed once, without a name, kept apart from the
// access card, and only recovers. A code of 24 digits, of which two check the others
// (73 bits), also as words where a language has a list.
type Sheet struct {
	Login string // so that a desk finds the space of who calls
	Code  string // "1234 5678 …": six groups of four digits
}

const sheetDigits = 24 // 22 drawn

// newSheet draws a sheet. One is as likely as any other.
func newSheet(login string) (Sheet, error) {
	code, err := digits.New(sheetDigits)
	return Sheet{Login: login, Code: digits.InGroups(code)}, err
}

// digits are those of the code, without spaces.
func (s Sheet) digits() (string, error) {
	code, ok := digits.Read(s.Code, sheetDigits)
	if !ok {
		return "", notASheet()
	}
	return code, nil
}

func notASheet() error {
	return invalid("sheet", "is not the 24 digits or seven words of a recovery sheet; one is missing or mistyped")
}

// Words returns the code in words of a language ("fr", "en"): seven, of a list of 2048.
// nil if the language has no list, or the sheet no code.
func (s Sheet) Words(language string) []string {
	code, err := s.digits()
	if err != nil {
		return nil
	}
	return inWords(code, language)
}

// sheetQR is what the text of a sheet's QR code begins with: a number of its form, so
// that another one can come.
const sheetQR = "reconnect:sheet:1:"

// QRText is what the QR code of a sheet says, and ReadSheet reads: the login, and the
// digits. "" if it has none.
func (s Sheet) QRText() string {
	code, err := s.digits()
	if err != nil {
		return ""
	}
	login, _ := digits.Of(s.Login)
	return sheetQR + login + ":" + code
}

// qrScale is the width of one square of a QR code, in pixels.
const qrScale = 8

// QR is that code (ISO/IEC 18004) as a PNG, dark on white with the margin that readers
// need. A quarter of it may be damaged. vault.ErrInvalid if the sheet has no code.
func (s Sheet) QR() ([]byte, error) {
	text := s.QRText()
	if text == "" {
		return nil, notASheet()
	}
	code, err := qr.Encode(text, qr.Q)
	if err != nil {
		return nil, invalid("sheet", "has no QR code")
	}
	code.Scale = qrScale
	return code.PNG(), nil
}

// mostTyped bounds what is looked at, in bytes.
const mostTyped = 512

// ReadSheet reads what somebody typed, said or scanned: digits of any script, words of
// any list, without accents and in any case, or the text of the QR code. Only that has a
// login. vault.ErrInvalid for what cannot be a sheet, by its check digits; that says
// nothing about whether there is such a sheet, and so costs nothing.
func ReadSheet(typed string) (Sheet, error) {
	typed = strings.TrimSpace(typed)
	if len(typed) > mostTyped {
		return Sheet{}, notASheet()
	}
	if rest, ok := strings.CutPrefix(strings.ToLower(typed), sheetQR); ok {
		return readSheetQR(rest)
	}
	code, ok := digits.Read(typed, sheetDigits)
	if !ok && strings.ContainsFunc(typed, unicode.IsLetter) {
		code, ok = fromWords(typed)
	}
	if !ok {
		return Sheet{}, notASheet()
	}
	return Sheet{Code: digits.InGroups(code)}, nil
}

func readSheetQR(rest string) (Sheet, error) {
	login, code, _ := strings.Cut(rest, ":")
	if login != "" {
		var err error
		if login, err = vault.NormalLogin(login); err != nil {
			return Sheet{}, notASheet()
		}
	}
	code, ok := digits.Read(code, sheetDigits)
	if !ok {
		return Sheet{}, notASheet()
	}
	return Sheet{Login: login, Code: digits.InGroups(code)}, nil
}
