package recovery_test

import (
	"context"
	"fmt"

	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// A sheet is lost: the person looks which ways back in there are, and takes those by sheet
// away. What they answer to questions stays.
func ExampleService_Withdraw() {
	if err := sheetIsLost(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// sheet-relay issued
	// sheet-desk issued
	// answers-relay issued
	// then:
	// answers-relay issued
}

func sheetIsLost(ctx context.Context) error {
	stage, err := recoverytest.Open(ctx, nil)
	if err != nil {
		return err
	}
	defer stage.Close()
	amina := stage.Amina.Vault
	_, err = stage.Recovery.Enrol(ctx, amina, recovery.Enrolment{
		Sheet: &recovery.NewSheet{Private: true},
		Answers: &recovery.NewAnswers{Questions: []recovery.Question{
			{Text: "What was the camp dog called?", Answer: "Old Whiskers"},
			{Text: "What did the shop below my first room sell?", Answer: "buttons and ribbons"},
			{Text: "Which song did my aunt always sing wrong?", Answer: "the sleeping river"},
		}},
		Notice: recoverytest.Notice(), Agreed: true,
	}, stage.Secret())
	if err != nil {
		return err
	}
	if err := listWays(ctx, stage, amina); err != nil {
		return err
	}
	err = stage.Recovery.Withdraw(ctx, amina, []vault.PathKind{vault.PathSheetRelay, vault.PathSheetDesk}, stage.Secret())
	if err != nil {
		return err
	}
	fmt.Println("then:")
	return listWays(ctx, stage, amina)
}

func listWays(ctx context.Context, stage *recoverytest.Stage, amina *vault.Vault) error {
	review, err := stage.Recovery.Review(ctx, amina)
	for _, path := range review.Paths {
		fmt.Println(path.Kind, path.State)
	}
	return err
}
