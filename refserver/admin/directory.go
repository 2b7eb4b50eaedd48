package admin

import (
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"strconv"
	"strings"

	"golang.org/x/text/currency"

	"reconnect.example/consent"
	"reconnect.example/refserver/config"
	"reconnect.example/vault"
)

// Bundle is a whole directory of relays as its authority signed it.
type Bundle struct{ Bytes []byte }

// ErrNoAuthority: the server runs without relays. Over the private socket it is a text.
var ErrNoAuthority = errors.New("this server knows no authority; name the public key of one with --authority, where the server is started, too")

// Directory returns the directory as it is now, verified.
func (o *Operator) Directory(_ None, out *Bundle) error {
	if o.data.Directory == nil {
		return ErrNoAuthority
	}
	state, err := o.data.Directory.Current(o.ctx)
	if err != nil {
		return err
	}
	out.Bytes, err = state.Bundle()
	return err
}

// Publish takes a directory that the authority signed.
func (o *Operator) Publish(in Bundle, _ *None) error {
	if o.data.Directory == nil {
		return ErrNoAuthority
	}
	_, err := o.data.Directory.Publish(o.ctx, in.Bytes)
	return err
}

func showDirectory(r *rpc.Client, a config.Admin, out io.Writer) error {
	state, bytes, err := fetchDirectory(r)
	if err != nil {
		return err
	}
	if err := printDirectory(out, state); err != nil {
		return err
	}
	if path := a.Directory.Show.Out; path != "" {
		if err := os.WriteFile(path, bytes, 0o600); err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "\nWritten to %s, for the authority.\n", path)
	}
	return err
}

// fetchDirectory asks the server for the directory. What it answers is read again
// here: only what the authority signed is shown and built on.
func fetchDirectory(r *rpc.Client) (*consent.DirectoryState, []byte, error) {
	var b Bundle
	if err := r.Call("Operator.Directory", None{}, &b); err != nil {
		return nil, nil, err
	}
	state, err := ReadDirectory(b.Bytes)
	return state, b.Bytes, err
}

// ReadDirectory verifies a directory under the key that it names itself. Whether
// that is the right one, the key says that signs next, or the configuration of the
// server that takes it.
func ReadDirectory(bytes []byte) (*consent.DirectoryState, error) {
	authority, err := consent.ClaimedAuthority(bytes)
	if err != nil {
		return nil, err
	}
	return consent.ParseDirectory(authority, bytes)
}

// readDirectoryFile reads one from a file.
func readDirectoryFile(path string) (*consent.DirectoryState, []byte, error) {
	f, err := os.Open(path) //nolint:gosec // named by the operator
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	bytes, err := io.ReadAll(io.LimitReader(f, largestDirectory+1))
	if err != nil {
		return nil, nil, err
	}
	state, err := ReadDirectory(bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s is not a directory of relays: %w", path, err)
	}
	return state, bytes, nil
}

// largestDirectory bounds what is read; consent says exactly how much is too much.
const largestDirectory = 16 << 20

func publishDirectory(r *rpc.Client, a config.Admin, out io.Writer) error {
	state, bytes, err := readDirectoryFile(a.Directory.Publish.File)
	if err != nil {
		return err
	}
	return publish(r, state, bytes, out)
}

func publish(r *rpc.Client, state *consent.DirectoryState, bytes []byte, out io.Writer) error {
	if err := r.Call("Operator.Publish", Bundle{bytes}, &None{}); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "The directory is published: version %d.\n", state.Version())
	return err
}

// printDirectory shows who is named. Every text in a directory is one line without
// control characters, or it would not have been read.
func printDirectory(out io.Writer, s *consent.DirectoryState) error {
	var err error
	say := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(out, format, args...)
		}
	}
	say("Authority  %s\nSigned by  %s\nVersion    %d\n", s.Authority(), s.Key(), s.Version())
	of := map[consent.OrganisationID][]consent.Relay{}
	for r := range s.Relays() {
		of[r.Organisation] = append(of[r.Organisation], r)
	}
	for o := range s.Organisations() {
		say("\n%s  %s (%s)%s\n", o.ID, o.Name, o.Country, withdrawn(o.Withdrawn))
		for _, r := range of[o.ID] {
			say("  %s  %s, %s%s\n", r.ID, r.Name, r.Type, withdrawn(r.Withdrawn))
			say("    place        %s (%s)\n", r.Place, r.Country)
			say("    fingerprint  %s\n    key          %s\n", consent.Fingerprint(r.Key), r.Key)
			for _, l := range s.Licences(r.ID) {
				say("    licence      %s, from %s to %s, %s%s\n", l.Number, l.From, l.To, Money(l.Fee, l.Currency), withdrawn(l.Withdrawn))
			}
		}
		for _, p := range s.Partners() {
			if err == nil && p.Organisation == o.ID {
				err = printPartner(out, p)
			}
		}
	}
	return err
}

// Money writes an amount that is counted in the smallest unit of a currency.
func Money(amount int64, code string) string {
	digits := decimals(code)
	text := fmt.Sprintf("%0*d", digits+1, amount)
	if digits > 0 {
		text = text[:len(text)-digits] + "." + text[len(text)-digits:]
	}
	return text + " " + code
}

// ParseMoney reads an amount as people write it, with a point or a comma.
func ParseMoney(text, code string) (int64, error) {
	digits := decimals(code)
	whole, part, _ := strings.Cut(strings.ReplaceAll(text, ",", "."), ".")
	if len(part) > digits {
		return 0, fmt.Errorf("an amount in %s has at most %d digits behind the point", code, digits)
	}
	amount, err := strconv.ParseUint(whole+part+strings.Repeat("0", digits-len(part)), 10, 62)
	if err != nil {
		return 0, errors.New("this is not an amount, such as 1500 or 1500.50")
	}
	return int64(amount), nil //nolint:gosec // 62 bits
}

// decimals is how many digits of a currency stand behind the point.
func decimals(code string) int {
	digits := 2
	if unit, err := currency.ParseISO(code); err == nil {
		digits, _ = currency.Standard.Rounding(unit)
	}
	return digits
}

func withdrawn(day vault.Date) string {
	if day == "" {
		return ""
	}
	return ", WITHDRAWN " + string(day)
}
