package recovery_test

import (
	"context"
	"fmt"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// Somebody has nothing left, and had allowed this: two people of a relay and two of a desk
// of another organisation agree, each in their own name, and a week passes.
func ExampleService_Contribute() {
	if err := backWithNothing(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// missing: [desk relay-approval desk-approval wait]
	// missing: [wait]
	// recovery: something is still missing: wait (168h0m0s)
	// back, and locked for now: true
	// later: 552h0m0s
	// opened later: true
}

func backWithNothing(ctx context.Context) error {
	stage, err := recoverytest.Open(ctx, nil)
	if err != nil {
		return err
	}
	defer stage.Close()
	_, err = stage.Recovery.Enrol(ctx, stage.Amina.Vault, recovery.Enrolment{
		Helpers: &recovery.NewHelpers{Private: true}, Notice: recoverytest.Notice(), Agreed: true,
	}, stage.Secret())
	if err != nil {
		return err
	}

	code, err := allAgree(ctx, stage)
	if err != nil {
		return err
	}
	_, err = stage.Recovery.Enter(ctx, code) // on any device; it can be tried again later
	fmt.Println(err)
	stage.Clock.Advance(recovery.LeastWaits().Helpers)
	page, err := stage.Recovery.Enter(ctx, code)
	if err != nil {
		return err
	}
	secret := vault.Secret{Password: "other words to keep"}
	back, err := page.Complete(ctx, recovery.Completion{Password: secret.Password, Session: &vault.SessionRequest{Device: "library"}})
	if err != nil {
		return err
	}
	fmt.Println("back, and locked for now:", back.Locked > 0)

	later, err := stage.Recovery.Pending(ctx, back.Vault)
	if err != nil {
		return err
	}
	fmt.Println("later:", later.Wait)
	stage.Clock.Advance(later.Wait)
	amina, err := stage.Vaults.Unlock(ctx, vault.Password{Login: back.Login, Secret: secret.Password})
	if err != nil {
		return err
	}
	defer amina.Close()
	n, err := stage.Recovery.OpenPending(ctx, amina, secret)
	fmt.Println("opened later:", n > 0)
	return err
}

// allAgree returns what the person is given: number and code by Samir, who opens the
// request, and the second code by Lina at the desk. Each side gives its half once, which is
// also the word of who gives it; a colleague of each agrees.
func allAgree(ctx context.Context, stage *recoverytest.Stage) (code recovery.HandOverCode, err error) {
	samir, err := stage.Samir.Worker.At(ctx, stage.Harbour.ID)
	if err != nil {
		return code, err
	}
	defer samir.Close()
	amina := stage.Amina.Vault.ID() // from samir.People
	ways, err := stage.Recovery.Ways(ctx, samir, amina)
	if err != nil {
		return code, err
	}
	opened, err := stage.Recovery.Open(ctx, samir, recovery.NewRequest{
		Vault: amina, Path: ways[0].Path, Recognised: "came every week for two years", Ask: []consent.RelayID{stage.Line.ID},
	})
	if err != nil {
		return code, err
	}
	fmt.Println("missing:", opened.Request.Missing)

	lina, err := stage.Lina.Worker.At(ctx, stage.Line.ID)
	if err != nil {
		return code, err
	}
	defer lina.Close()
	queue, err := stage.Recovery.Queue(ctx, lina) // without a name
	if err != nil {
		return code, err
	}
	asked := queue[0].Request
	given, err := stage.Recovery.Contribute(ctx, lina, asked.Vault, asked.ID)
	if err != nil {
		return code, err
	}
	for _, one := range []struct {
		worker *consent.Worker
		at     consent.RelayID
	}{{stage.Rosa.Worker, stage.Harbour.ID}, {stage.Omar.Worker, stage.Line.ID}} {
		post, err := one.worker.At(ctx, one.at)
		if err != nil {
			return code, err
		}
		defer post.Close()
		asked, err = stage.Recovery.Approve(ctx, post, asked.Vault, asked.ID, "by voice and face")
		if err != nil {
			return code, err
		}
	}
	fmt.Println("missing:", asked.Missing)
	return recovery.HandOverCode{Number: opened.Number, Code: opened.Code, Desk: given.Code}, nil
}
