package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/rpc"
	"os"
	"time"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/notice"
	"reconnect.example/refserver/progress"
	"reconnect.example/refserver/webhooks"
)

// Run does one command of the operator and prints what came of it; far says meanwhile how
// far it is, and may be nil.
func Run(ctx context.Context, c *config.Config, open Open, out io.Writer, far *progress.Printer) (err error) {
	if c.Command == "admin notice" { // needs no data
		_, err := fmt.Fprint(out, notice.In(c.Admin.Notice.Language).Text)
		return err
	}
	if c.Command == "admin webhook-secret" {
		_, err := fmt.Fprintln(out, webhooks.NewSecret())
		return err
	}
	if c.Command == "admin partner keys" { // nor does this, and it runs where the partner is
		return partnerKeys(c.Admin.Partner.Keys, out)
	}
	do, known := commands[c.Command]
	if change, ok := changes[c.Command]; ok {
		made, err := change.make(c.Admin, c)
		if err != nil {
			return err
		}
		key := change.key(c.Admin)
		if key == "" { // needs no data
			return PrintChange(made, out)
		}
		do, known = func(r *rpc.Client, _ config.Admin, out io.Writer) error { return signAndPublish(r, made, key, out) }, true
	}
	if c.Command == "admin tell-witness" {
		do, known = func(r *rpc.Client, _ config.Admin, out io.Writer) error { return tellWitness(r, out, far) }, true
	}
	if !known {
		return fmt.Errorf("no such command: %s", c.Command)
	}
	if c.Command != "admin create-vault" { // which may be the first thing that is done with a folder
		if _, err := os.Stat(c.Data); errors.Is(err, fs.ErrNotExist) {
			return errors.New("no server runs on this data folder, and it does not exist; name another one with --data")
		}
	}
	if c.Command == "admin ready" { // it asks about a running server, and opens nothing itself
		open = OnlyRunning
	}
	client, done, err := Reach(ctx, c.Data, open)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	return do(client, c.Admin, out)
}

var commands = map[string]func(*rpc.Client, config.Admin, io.Writer) error{
	"admin create-vault": createVault,
	"admin increases":    increases,
	"admin approve":      func(r *rpc.Client, a config.Admin, out io.Writer) error { return decide(r, a.Approve, true, out) },
	"admin refuse":       func(r *rpc.Client, a config.Admin, out io.Writer) error { return decide(r, a.Refuse, false, out) },
	"admin sweep":        sweep,
	"admin status":       status,
	"admin ready":        ready,
	"admin invite":       invite,

	"admin death record":   recordDeath,
	"admin death show":     showDeath,
	"admin death withdraw": withdrawDeath,
	"admin unseen":         unseen,
	"admin counts":         counts,

	"admin partner list":      listPartners,
	"admin directory show":    showDirectory,
	"admin directory publish": publishDirectory,
}

func createVault(r *rpc.Client, a config.Admin, out io.Writer) error {
	var made Opened
	if err := r.Call("Operator.CreateVault", New{Language: a.CreateVault.Language}, &made); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "The space is made. This is shown once; give it to the person and keep no copy.\n\n"+
		"  Login     %s\n  Password  %s\n\nThe person should change the password after the first sign-in.\n", made.Login, made.Password)
	return err
}

func invite(r *rpc.Client, _ config.Admin, out io.Writer) error {
	var made Invited
	if err := r.Call("Operator.Invite", None{}, &made); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "This is shown once; give it to whoever will manage the relay, and keep no copy.\n\n"+
		"  Code      %s\n  Until     %s\n\nThey open /staff/join on the server, make their own account, and found the relay. The id and the key\n"+
		"that they are shown then go to the authority: refserver admin relay add.\n", made.Code, made.Until.Format(time.DateOnly))
	return err
}

func increases(r *rpc.Client, _ config.Admin, out io.Writer) error {
	var all []Increase
	if err := r.Call("Operator.Increases", None{}, &all); err != nil {
		return err
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "No request for more space waits.")
		return err
	}
	for _, i := range all {
		// A reason is written by a stranger: on one line, without control characters.
		_, err := fmt.Fprintf(out, "%s\n  asked  %s\n  uses   %d of %d bytes\n  reason %s\n", i.ID, i.Asked.Format(time.RFC3339), i.Used, i.Limit, safename.Line(i.Reason))
		if err != nil {
			return err
		}
	}
	return nil
}

func decide(r *rpc.Client, d config.Decision, approve bool, out io.Writer) error {
	if err := r.Call("Operator.Decide", Decision{ID: d.ID, Approve: approve, By: d.By, Why: d.Why}, &None{}); err != nil {
		return err
	}
	said := "refused"
	if approve {
		said = "granted"
	}
	_, err := fmt.Fprintf(out, "The request is %s.\n", said)
	return err
}

func sweep(r *rpc.Client, _ config.Admin, out io.Writer) error {
	var s Swept
	if err := r.Call("Operator.Sweep", None{}, &s); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "Swept: %s.\n", s)
	return err
}

// String says the counts in words.
func (s Swept) String() string {
	return fmt.Sprintf("%d uploads, %d blobs, %d sessions, %d accesses whose time was up, %d erased vaults, %d people newly noted as not seen for long; %d left for the next time",
		s.Uploads, s.Blobs, s.Sessions, s.Grants, s.Vaults, s.Unseen, s.Failed)
}

func ready(r *rpc.Client, _ config.Admin, out io.Writer) error {
	if err := r.Call("Operator.Ready", None{}, &None{}); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "ready")
	return err
}

func status(r *rpc.Client, _ config.Admin, out io.Writer) error {
	var s State
	if err := r.Call("Operator.Status", None{}, &s); err != nil {
		return err
	}
	swept := "not yet since the start"
	if !s.SweptAt.IsZero() {
		swept = s.SweptAt.Format(time.RFC3339) + ": " + s.Swept.String()
	}
	_, err := fmt.Fprintf(out, "Running since       %s\nLast sweep          %s\nRequests for space  %d waiting\nNot seen for long   %d people\n",
		s.Started.Format(time.RFC3339), swept, s.Waiting, s.Unseen)
	return err
}
