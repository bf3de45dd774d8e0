/**
 * Runs a program to its end. When it refuses, by a plain Error that says what to do, only that message is printed; any
 * other error is a bug, which its stack explains. Either way the process ends with code 1.
 */
export async function runProgram(program: () => Promise<void>): Promise<void> {
  await program().catch((error: unknown) => {
    const isRefusal = error instanceof Error && error.constructor === Error
    console.error('\n', isRefusal ? error.message : error, '\n')
    process.exitCode = 1
  })
}
