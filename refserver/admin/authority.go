package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"reconnect.example/consent"
	"reconnect.example/refserver/config"
)

// RunAuthority does one command of the authority. It works on files alone.
func RunAuthority(c *config.Config, out io.Writer) error {
	a := c.AuthorityWork
	switch c.Command {
	case "authority init":
		return initAuthority(a.Init, out)
	case "authority show":
		state, _, err := readDirectoryFile(a.Show.Directory)
		if err != nil {
			return err
		}
		return printDirectory(out, state)
	case "authority sign":
		return signChanges(a.Sign, out)
	case "authority rotate":
		return rotate(a.Rotate, out)
	}
	return fmt.Errorf("no such command: %s", c.Command)
}

func initAuthority(c config.AuthorityInit, out io.Writer) error {
	a, err := consent.MakeAuthorityFile(c.AuthorityKey)
	if err != nil {
		return err
	}
	state, err := a.Begin()
	if err != nil {
		return err
	}
	if err := writeDirectory(c.Out, state); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n\nThis is the public key, for --authority of every server. %s is the secret half:\nkeep it off the servers, and a copy in another place. Who has it says who the relays are.\n"+
		"%s is the first directory: refserver admin directory publish %s\n", a.Public(), c.AuthorityKey, c.Out, c.Out)
	return err
}

func signChanges(c config.AuthoritySign, out io.Writer) error {
	a, err := consent.OpenAuthorityFile(c.AuthorityKey)
	if err != nil {
		return err
	}
	on, _, err := readDirectoryFile(c.Directory)
	if err != nil {
		return err
	}
	changes, err := readChanges(c.Changes)
	if err != nil {
		return err
	}
	next, err := a.Sign(on, changes...)
	if err != nil {
		return err
	}
	if err := writeDirectory(c.Out, next); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Signed: version %d, %d changes, in %s.\n", next.Version(), len(changes), c.Out)
	return err
}

func rotate(c config.AuthorityRotate, out io.Writer) error {
	a, err := consent.OpenAuthorityFile(c.AuthorityKey)
	if err != nil {
		return err
	}
	on, _, err := readDirectoryFile(c.Directory)
	if err != nil {
		return err
	}
	// Before a key is made that would be of no use.
	if on.Key() != a.Public() {
		return errors.New("this is not the key that signs this directory")
	}
	to, err := consent.MakeAuthorityFile(c.NewKey)
	if err != nil {
		return err
	}
	next, err := a.Rotate(on, to)
	if err != nil {
		return err
	}
	if err := writeDirectory(c.Out, next); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "The new key signs from version %d, in %s. --authority of the servers stays as it is.\nWhen it is published, %s signs nothing any more.\n", next.Version(), c.Out, c.AuthorityKey)
	return err
}

// writeDirectory never leaves half a file under the name.
func writeDirectory(path string, s *consent.DirectoryState) error {
	bytes, err := s.Bundle()
	if err != nil {
		return err
	}
	part := path + ".part"
	if err := os.WriteFile(part, bytes, 0o600); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, path)
}

// largestChanges bounds a file of changes, in bytes.
const largestChanges = 32 << 20

// readChanges reads changes in JSON, one after the other.
func readChanges(path string) ([]consent.Change, error) {
	f, err := os.Open(path) //nolint:gosec // named by the authority
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	from := json.NewDecoder(io.LimitReader(f, largestChanges))
	from.DisallowUnknownFields() // a field that is spelt wrong must not be left out unseen
	var changes []consent.Change
	for {
		var c consent.Change
		err := from.Decode(&c)
		if errors.Is(err, io.EOF) && len(changes) > 0 {
			return changes, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s, change %d: %w", path, len(changes)+1, err)
		}
		changes = append(changes, c)
	}
}
