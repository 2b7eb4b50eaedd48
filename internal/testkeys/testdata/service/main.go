// A program that is not a test and wants cheap passwords.
package main

import (
	"fmt"

	"reconnect.example/internal/testkeys"
)

func main() {
	testkeys.UseCheapKDF()
	fmt.Println("lowered")
}
