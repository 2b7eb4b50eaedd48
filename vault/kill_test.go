package vault_test

const childFolder = "VAULT_TEST_CHILD"

func workUntilKilled(string) error { return nil }
