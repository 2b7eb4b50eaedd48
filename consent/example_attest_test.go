package consent_test

import (
	"context"
	"fmt"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// A worker has held the original; whoever is shown the printout verifies what the
// relay signed.
func ExamplePost_Attest() {
	attest := func(ctx context.Context, s *consent.Service, post *consent.Post, v *vault.Vault, paper vault.Item) error {
		a, err := post.Attest(ctx, v, consent.NewAttestation{Item: paper.ID, Revision: paper.Revision, Kind: consent.SeenBirth, Held: true})
		if err != nil {
			return err
		}
		checked, err := s.CheckAttestation(ctx, "https://safe.example/seen#"+a.Token) // as a QR code has it
		if err != nil {
			return err
		}
		fmt.Println(checked.RelayName, "saw the original on", checked.Day)
		return nil
	}
	_ = attest // a whole program with a relay is examples/relay
	fmt.Println(len(consent.SeenKinds()), "kinds of papers")
	// Output: 9 kinds of papers
}
