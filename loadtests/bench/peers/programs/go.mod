module tongban.example/bench

go 1.24
