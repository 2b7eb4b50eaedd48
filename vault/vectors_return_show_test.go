package vault_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
	"reconnect.example/recovery"
	"reconnect.example/recovery/witness"
	"reconnect.example/vault"
)

// readyWitness has the key of a vector, and lets every request of it through: who may ask
// it for what, package witness tests.
type readyWitness struct {
	*witness.Witness
	key      []byte
	requests []recovery.WitnessRequest
}

func (r readyWitness) Requests(context.Context, [16]byte) ([]recovery.WitnessRequest, error) {
	return r.requests, nil
}

func (r readyWitness) EvaluateWithin(_ context.Context, id, _ [16]byte, counter, input [32]byte, generation uint64) (vault.Evaluation, error) {
	return vault.Evaluation{Generation: generation, Output: vault.WitnessOutput(r.key, id, counter, input)}, nil
}

func (r readyWitness) Cancel(context.Context, [16]byte, [16]byte) error { return nil }

func readyOf(t *testing.T, v *testvectors.Vector) readyWitness {
	t.Helper()
	out := readyWitness{key: v.Bytes("evaluation-key")}
	for _, r := range v.All("record") {
		if _, name, ok := strings.Cut(r.Line, "/rq/"); ok && !strings.Contains(name, "/") {
			id, err := vault.ParseItemID(name)
			require.NoError(t, err)
			out.requests = append(out.requests, recovery.WitnessRequest{ID: id})
		}
	}
	return out
}

// recoveryOf is a service over a vector, whose witness lets everything through.
func recoveryOf(t *testing.T, vector *testvectors.Vector, s openedVector) *recovery.Service {
	t.Helper()
	service, err := consent.New(consent.Config{Vaults: s.vaults, Store: s.store, Directory: s.directory, Register: s.register, Now: s.now, OneFactor: true})
	require.NoError(t, err)
	back, err := recovery.New(recovery.Config{
		Vaults: s.vaults, Consent: service, Directory: s.directory, Register: s.register, Store: s.store, Witness: readyOf(t, vector), Now: s.now, Independent: true,
	})
	require.NoError(t, err)
	return back
}

// showReturn shows what somebody comes back to.
func showReturn(t *testing.T, vector *testvectors.Vector) *shown {
	t.Helper()
	ctx, out, s := t.Context(), &shown{outcome: "success"}, openVector(t, vector)
	require.NoError(t, s.err)
	page, err := recoveryOf(t, vector, s).Enter(ctx, recovery.HandOverCode{Number: vector.Text("number"), Code: vector.Text("code"), Desk: vector.Text("desk")})
	if err != nil {
		out.outcome = returnName(err)
		return out
	}
	opens := "shared"
	if page.Private {
		opens = "private"
	}
	out.add("way", page.Kind.String(), opens)
	for i, q := range page.Questions {
		out.add("question", itoa(i+1), q)
	}
	if page.Pictures > 0 {
		out.add("pictures", itoa(page.Pictures))
	}
	done, err := page.Complete(ctx, recovery.Completion{Sheet: vector.Text("sheet"), Answers: vector.Lines("answer"), Password: recoveredPassword})
	if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return &shown{outcome: returnName(err)}
	}
	if !out.items(ctx, done.Vault) {
		out.lines = nil
	}
	slices.Sort(out.lines)
	return out
}

const recoveredPassword = "veko lanu timo fasa"

func returnName(err error) string {
	for name, is := range map[string]error{"code": recovery.ErrCode, "request": recovery.ErrRequest, "not-ready": recovery.ErrNotReady} {
		if errors.Is(err, is) {
			return name
		}
	}
	return nameOf(err)
}

// showLocked shows what a person has once what was locked is back.
func showLocked(t *testing.T, vector *testvectors.Vector) *shown {
	t.Helper()
	ctx, out, s := t.Context(), &shown{outcome: "success"}, openVector(t, vector)
	require.NoError(t, s.err)
	now := vault.Secret{Password: vector.Text("password")}
	v, err := s.vaults.Unlock(ctx, vault.Password{Login: vector.Text("login"), Secret: now.Password})
	if !out.note(err) {
		return out
	}
	if old := vector.Text("old"); old != "" {
		_, err = v.OpenLocked(ctx, vault.Secret{Password: old}, now, nil)
	} else {
		_, err = recoveryOf(t, vector, s).OpenPending(ctx, v, now)
	}
	if errors.Is(err, vault.ErrUnconfirmed) {
		err = nil
	}
	if !out.note(err) || !out.items(ctx, v) {
		out.lines = nil
		return out
	}
	slices.Sort(out.lines)
	return out
}

// showPolicy shows what the witness reads of a policy.
func showPolicy(t *testing.T, vector *testvectors.Vector) *shown {
	t.Helper()
	out := &shown{outcome: "success"}
	id, err := vault.ParseID(vector.Text("vault"))
	require.NoError(t, err)
	head, record := []byte(nil), []byte(nil)
	for _, r := range vector.All("record") {
		switch r.Line {
		case id.KeyOf("h/o"):
			head = r.Data
		case id.KeyOf("policy"):
			record = r.Data
		}
	}
	owner, err := seal.OpenOwnerHead(id, head)
	require.NoError(t, err)
	key, err := seal.PolicyBoxKey(vector.Bytes("evaluation-key"))
	require.NoError(t, err)
	signed, err := key.OpenSealedPolicy(id, record)
	if digest := seal.Digest(record); err != nil || !slices.Equal(digest[:], owner.Rules) {
		return &shown{outcome: "tampered policy"}
	}
	p, err := seal.OpenPolicy(owner.Key, id, signed)
	require.NoError(t, err)
	require.Equal(t, owner.Policy, p.Number)
	for _, r := range p.Rules {
		path := vault.PathID(r.Path).String()
		out.add("rule", path, fmt.Sprint(r.Approvals))
		for _, c := range r.Counters {
			out.add("counter", path, hex.EncodeToString(c.Counter[:]), itoa(c.Wait))
		}
		for _, one := range r.Parties {
			out.add("party", path, vault.ID(one.Space).String(), vault.ID(one.Organisation).String(), hex.EncodeToString(one.Key), fmt.Sprint(one.Desk))
		}
	}
	slices.Sort(out.lines)
	return out
}

// showSession shows what a session opens.
func showSession(t *testing.T, vector *testvectors.Vector) *shown {
	t.Helper()
	ctx, out, s := t.Context(), &shown{outcome: "success"}, openVector(t, vector)
	require.NoError(t, s.err)
	v, err := s.vaults.Resume(ctx, vector.Text("token"))
	if !out.note(err) || !out.items(ctx, v) || !out.papers(ctx, v) {
		out.lines = nil
		return out
	}
	slices.Sort(out.lines)
	return out
}
