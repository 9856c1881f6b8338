from handrail_runtime.main import main

main()
