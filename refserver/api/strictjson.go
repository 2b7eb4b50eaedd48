package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

var (
	errNotUTF8 = errors.New("api: the body is not UTF-8")
	errTwice   = errors.New("api: the body names a member twice")
)

// jsonFormat is JSON as it is read and written here. Two things that
// encoding/json would settle silently are refused: what is not UTF-8, which it
// replaces, and with it what a person typed as a password; and a member that is
// named twice, of which it takes the last, in any case of letters, while a proxy
// may have looked at the first.
func jsonFormat() huma.Format {
	return huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: func(data []byte, v any) error {
		if !utf8.Valid(data) {
			return errNotUTF8
		}
		if err := json.Unmarshal(data, v); err != nil {
			return err
		}
		return membersOnce(json.NewDecoder(bytes.NewReader(data)))
	}}
}

// membersOnce reads one value, which is known to be JSON.
func membersOnce(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	opening, isOpening := token.(json.Delim)
	if !isOpening {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if opening == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			folded := strings.Map(fold, name.(string))
			if seen[folded] {
				return errTwice
			}
			seen[folded] = true
		}
		if err := membersOnce(d); err != nil {
			return err
		}
	}
	_, err = d.Token() // closes it
	return err
}

// fold makes letters equal that encoding/json takes for equal.
func fold(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
