// A client of Go, generated from the document (openapi-generator): signs in and reads lists.
// client BASE EMAIL PASSWORD: the address of a running stack and its admin.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	tollgate "tollgate.test/client"
)

// codeOf is the code of the problem in an error.
func codeOf(err error) string {
	var refused *tollgate.GenericOpenAPIError
	if !errors.As(err, &refused) {
		return fmt.Sprint(err)
	}
	problem, _ := refused.Model().(tollgate.Problem)
	return problem.Code
}

func main() {
	base, email, password := os.Args[1], os.Args[2], os.Args[3]
	settings := tollgate.NewConfiguration()
	settings.Servers = tollgate.ServerConfigurations{{URL: base}}
	client := tollgate.NewAPIClient(settings)
	anonymous := context.Background()

	tokens, _, err := client.SignInAPI.Login(anonymous).Login(*tollgate.NewLogin(email, password)).Execute()
	if err != nil {
		log.Fatal("login: ", codeOf(err))
	}
	admin := context.WithValue(anonymous, tollgate.ContextAccessToken, tokens.AccessToken)

	users, _, err := client.AdminAPI.ListUsers(admin).Limit(1).IsActive(true).Execute()
	if err != nil {
		log.Fatal("users: ", codeOf(err))
	}
	if len(users.Items) != 1 || users.Items[0].Email != email || users.NextCursor.IsSet() && users.NextCursor.Get() != nil {
		log.Fatalf("users: %+v", users)
	}

	plans, _, err := client.BillingAPI.ListPlans(anonymous).Execute()
	if err != nil || len(plans.Items) != 3 || plans.Items[1].Code != "pro" {
		log.Fatalf("plans: %+v %v", plans, err)
	}

	// An error is a problem, with its code.
	if _, _, err = client.AccountsAPI.Me(anonymous).Execute(); codeOf(err) != "unauthenticated" {
		log.Fatal("me: ", codeOf(err))
	}
	// A body that is optional can be left out.
	if _, _, err = client.AccountsAPI.Deactivate(admin).Execute(); codeOf(err) != "last_admin" {
		log.Fatal("deactivate: ", codeOf(err))
	}
	fmt.Println("client.go: signed in, lists read")
}
