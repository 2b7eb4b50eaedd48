package admin

import (
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"strings"
	"time"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/config"
	"reconnect.example/vault"
)

// Death is a record of one, as it stands or as it was.
type Death struct {
	Person string // as the operator named them: a login, or the id of a space
	vault.DeathRecord
}

// RecordDeath records one, and answers with what stands then.
func (o *Operator) RecordDeath(d Death, out *Death) error {
	id, err := o.person(d.Person)
	if err == nil {
		out.DeathRecord, err = o.data.RecordDeath(o.ctx, id, d.DeathRecord)
	}
	out.Person = id.String()
	return inWords(err)
}

// Death answers with what was recorded of somebody.
func (o *Operator) Death(person string, out *Death) error {
	id, err := o.person(person)
	if err != nil {
		return inWords(err)
	}
	out.Person = id.String()
	out.DeathRecord, err = o.data.Death(o.ctx, id)
	if errors.Is(err, vault.ErrNotFound) {
		return errors.New("nothing is recorded of this person")
	}
	return inWords(err)
}

// WithdrawDeath takes a record back; By says who does.
func (o *Operator) WithdrawDeath(d Death, _ *None) error {
	id, err := o.person(d.Person)
	if err != nil {
		return inWords(err)
	}
	err = o.data.WithdrawDeath(o.ctx, id, d.By)
	if errors.Is(err, vault.ErrNotFound) {
		return errors.New("no record stands of this person")
	}
	return inWords(err)
}

// person finds a space by its id, or by a login.
func (o *Operator) person(named string) (vault.ID, error) {
	if id, err := vault.ParseID(strings.TrimSpace(named)); err == nil {
		return id, nil
	}
	return o.data.ByLogin(o.ctx, named)
}

// inWords says what an operator can do about an error. Over the socket it is a text.
func inWords(err error) error {
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return errors.New("there is no space of a person with this login or id, or it is erased")
	case errors.Is(err, vault.ErrTampered), errors.Is(err, vault.ErrStale):
		return fmt.Errorf("the store does not show this space as it should be; nothing was changed: %w", err)
	}
	return err
}

// Away is who has not signed in for long.
type Away struct {
	People  []vault.Unseen
	Damaged int // entries that cannot be read
}

// Unseen lists them.
func (o *Operator) Unseen(_ None, out *Away) error {
	for u, err := range o.data.Vaults.Unseen(o.ctx) {
		switch {
		case errors.Is(err, vault.ErrTampered):
			out.Damaged++
		case err != nil:
			return err
		default:
			out.People = append(out.People, u)
		}
	}
	return nil
}

func recordDeath(r *rpc.Client, a config.Admin, out io.Writer) error {
	c := a.Death.Record
	d := Death{Person: c.Person, DeathRecord: vault.DeathRecord{By: c.By, Organisation: c.Organisation, Evidence: c.Evidence}}
	if c.On != "" {
		day, err := time.Parse(time.DateOnly, c.On)
		if err != nil {
			return errors.New("--on is not a day written as 2026-11-21")
		}
		d.At = day
	}
	var stands Death
	if err := r.Call("Operator.RecordDeath", d, &stands); err != nil {
		return err
	}
	return printDeath(out, stands)
}

func showDeath(r *rpc.Client, a config.Admin, out io.Writer) error {
	var d Death
	if err := r.Call("Operator.Death", a.Death.Show.Person, &d); err != nil {
		return err
	}
	return printDeath(out, d)
}

func withdrawDeath(r *rpc.Client, a config.Admin, out io.Writer) error {
	c := a.Death.Withdraw
	if err := r.Call("Operator.WithdrawDeath", Death{Person: c.Person, DeathRecord: vault.DeathRecord{By: c.By}}, &None{}); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "The record is taken back. The person is shown it at their next sign-in all the same.")
	return err
}

// printDeath says what is recorded and what follows. What operators wrote stands on one
// line each, without control characters.
func printDeath(out io.Writer, d Death) error {
	wish := map[vault.Want]string{vault.WantErase: "to be erased", vault.WantKeep: "to be kept"}[d.Wish]
	if wish == "" {
		wish = "none was said"
	}
	follows := "Nothing is opened or erased. If the person signs in, the record is void, and they are shown it."
	switch {
	case !d.Ended.IsZero() && d.EndedBy == "":
		follows = "Void since " + d.Ended.Format(time.DateOnly) + ": the person signed in."
	case !d.Ended.IsZero():
		follows = "Void since " + d.Ended.Format(time.DateOnly) + ": taken back by " + safename.Line(d.EndedBy) + "."
	case !d.ErasedAt.IsZero():
		follows = "The space is erased on " + d.ErasedAt.Format(time.DateOnly) + ", as they wished, unless the person signs in before or the record is taken back."
	}
	_, err := fmt.Fprintf(out, "Space         %s\nRecorded      %s, by %s, for %s\nEvidence      %s\nOf            %s\nTheir wish    %s\n\n%s\n",
		d.Person, d.Recorded.Format(time.DateOnly), safename.Line(d.By), safename.Line(d.Organisation), safename.Line(d.Evidence), d.At.Format(time.DateOnly), wish, follows)
	return err
}

func unseen(r *rpc.Client, _ config.Admin, out io.Writer) error {
	var away Away
	if err := r.Call("Operator.Unseen", None{}, &away); err != nil {
		return err
	}
	var text strings.Builder
	for _, u := range away.People {
		fmt.Fprintf(&text, "%s  last signed in in %s\n", u.Vault, u.Since.Format("2006-01"))
	}
	switch {
	case len(away.People) == 0:
		text.WriteString("Nobody is noted as not seen for long.\n")
	default:
		text.WriteString("\nNothing happens to them by itself. Whoever signs in is not listed any more.\n")
	}
	if away.Damaged > 0 {
		fmt.Fprintf(&text, "%d entries cannot be read: somebody altered the store.\n", away.Damaged)
	}
	_, err := io.WriteString(out, text.String())
	return err
}
