// Prints how large the package is.
import { statSync } from 'node:fs';

const file = 'dist/trueup.vsix';
console.log(`editors/vscode/${file}: ${Math.ceil(statSync(file).size / 1024)} KiB`);
