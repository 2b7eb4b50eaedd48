package check

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
	"reconnect.example/refserver/engines"
	"reconnect.example/refserver/problem"
)

func (k *checker) witness(ctx context.Context) {
	const part = "witness"
	if k.c.Witness == "" {
		k.warn(part, "Let another organisation run refserver witness, and name it with --witness.",
			"The witness lies on this machine: who puts back this machine's disk, or takes it over, is not noticed.")
		return
	}
	path := engines.IdentityFile(k.c)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		k.fail(part, "Run: refserver witness identity "+path+", and tell whoever runs the witness what it prints.",
			"This server has no identity yet that the witness could know it by.")
		return
	}
	client, err := engines.DialWitness(k.c)
	if err != nil {
		k.fail(part, "Set right what it says.", "The witness cannot be named so: %s.", plainWitness(err))
		return
	}
	defer func() { _ = client.Close() }()
	began := time.Now()
	if err := client.Health(ctx); err != nil {
		k.fail(part, "Look whether it runs and is reached, whether --witness-key is what it prints, and whether it was told this server's key (refserver witness identity "+path+").",
			"The witness does not answer this server: %s.", plainWitness(err))
		return
	}
	connected := time.Since(began)
	began = time.Now()
	if _, err := client.Latest(ctx, unknownVault()); err != nil {
		k.fail(part, "Ask whoever runs the witness.", "The witness knows this server and does not answer its questions: %s.", plainWitness(err))
		return
	}
	k.good(part, "The witness is the one whose key was given, and knows this server. A connection takes %s, a call %s.", round(connected), round(time.Since(began)))
	if k.policyKey(ctx, client) {
		k.restores(ctx, client)
	}
}

// policyKey sees whether the key that policies of ways back in are closed to is the
// witness's own. Without that nobody can make or change a way in which it takes part, and
// nothing else would say why.
func (k *checker) policyKey(ctx context.Context, client *witness.Client) bool {
	const part = "witness"
	said, err := client.Inbox(ctx)
	if err != nil {
		k.fail(part, "Ask whoever runs the witness.", "The witness does not say to which key the policies of ways back in are closed: %s.", plainWitness(err))
		return false
	}
	if k.c.WitnessSigns == "" { // then the connection vouches for it
		return true
	}
	signs, err := witness.ParsePublicKey(k.c.WitnessSigns)
	if err == nil {
		_, err = seal.OpenPolicyInbox(signs[:], said)
	}
	if err != nil {
		k.fail(part, "Name as --witness-signs what the witness prints at its start. If it is another one than before, hear from whoever runs it, in person, that it has changed.",
			"The witness does not sign with the key of --witness-signs: no way back in that it takes part in can be made or changed, and no restore statement of it counts.")
		return false
	}
	k.good(part, "The witness signs with the key that was given: it has vouched for the key to which the policies of ways back in are closed.")
	return true
}

// restores sees whether the witness would take the operator's restore
// statements. With the operator's key at hand, one about a vault that nobody has
// is sent, which changes nothing.
func (k *checker) restores(ctx context.Context, client *witness.Client) {
	const part = "witness"
	if k.c.WitnessSigns == "" {
		k.warn(part, "Give --witness-signs and --operator-key before you need them.", "After a restore from a backup, vaults that changed since would stay closed: no restore statement is taken.")
		return
	}
	path := engines.OperatorKeyFile(k.c)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		k.good(part, "The operator's key is not on this machine, as it should be; whether the witness knows it can only be tried with it.")
		return
	}
	operator, err := witness.OpenIdentity(path)
	if err != nil {
		k.fail(part, "Set right what it says.", "The operator's key cannot be read: %s.", plainWitness(err))
		return
	}
	if k.c.OperatorKey != "" && !sameKey(k.c.OperatorKey, operator.Public()) {
		k.fail(part, "Name the public key of the file that will sign, or take the file away.", "--operator-key is not the public half of %s.", path)
		return
	}
	signing, err := seal.SigningKeyFromBytes(operator.Seed())
	if err != nil {
		return // an identity is such a key
	}
	id := unknownVault()
	about := &seal.Restore{Vault: id, Epoch: 1, Taken: k.now().UnixMilli(), Issued: k.now().UnixMilli()}
	for _, name := range seal.RestoredHeads() {
		about.Heads = append(about.Heads, seal.RestoredHead{Head: name})
	}
	statement, err := signing.SealRestore(about)
	if err != nil {
		k.fail(part, "Report it.", "No restore statement can be made: %s.", problem.Cause(err))
		return
	}
	switch _, err := client.Restore(ctx, id, statement); {
	case errors.Is(err, witness.ErrUnregistered):
		k.good(part, "The witness takes restore statements of this operator.")
	case errors.Is(err, witness.ErrRestore):
		k.fail(part, "Tell whoever runs the witness the operator's public key: refserver witness identity "+path+".", "The witness does not take restore statements of this operator.")
	default:
		k.warn(part, "Try again.", "It could not be found out whether the witness takes restore statements.")
	}
}

func sameKey(text string, key witness.PublicKey) bool {
	given, err := witness.ParsePublicKey(text)
	return err == nil && given == key
}

// unknownVault is the id of a vault that nobody has.
func unknownVault() (id [16]byte) {
	_, _ = rand.Read(id[:])
	return id
}

// plainWitness is the text of an error of the client, which names no secret, or
// of an identity file, which names a path that the operator needs.
func plainWitness(err error) string {
	if errors.Is(err, witness.ErrInvalid) {
		return err.Error()
	}
	return problem.Cause(err)
}
