package recovery

// Sheet is a recovery sheet: it is printed once, without a name, kept apart from the
// access card, and only recovers. A code of 24 digits, of which two check the others
// (73 bits), also as words where a language has a list.
type Sheet struct {
	Login string // so that a desk finds the space of who calls
	Code  string // "1234 5678 …": six groups of four digits
}

// Words returns the code in words of a language ("fr", "en"); nil if it has no list.
func (s Sheet) Words(language string) []string { panic("being built") }

// QRText is what the QR code of a sheet says, and ReadSheet reads.
func (s Sheet) QRText() string { panic("being built") }

// QR is that code (ISO/IEC 18004) as a PNG.
func (s Sheet) QR() ([]byte, error) { panic("being built") }

// ReadSheet reads what somebody typed, said or scanned: digits of any script, words of
// any list, or the text of the QR code. vault.ErrInvalid for what cannot be a sheet, by
// its check digits; that says nothing about whether there is such a sheet.
func ReadSheet(typed string) (Sheet, error) { panic("being built") }
