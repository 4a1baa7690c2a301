// What google.py builds its server from; the versions that it was seen to run with.
module rwe.live/google

go 1.21

require (
	bitbucket.org/creachadair/stringset v0.0.14 // indirect
	github.com/golang/protobuf v1.5.4 // indirect
	github.com/google/bulk_fhir_tools v0.1.7 // indirect
	github.com/google/fhir/go v0.0.0-20230201040735-41722f15f676 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/json-iterator/go v1.1.12 // indirect
	github.com/julienschmidt/httprouter v1.3.0 // indirect
	github.com/modern-go/concurrent v0.0.0-20180306012644-bacd9c7ef1dd // indirect
	github.com/modern-go/reflect2 v1.0.2 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/serenize/snaker v0.0.0-20201027110005-a7ad2135616e // indirect
	google.golang.org/protobuf v1.33.0 // indirect
)
