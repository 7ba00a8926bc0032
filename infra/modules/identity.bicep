metadata description = 'The identity under which the function app reaches everything else.'

@description('Name of the identity.')
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id of the identity.')
output id string = identity.id

@description('Client id: which identity a token is asked for.')
output clientId string = identity.properties.clientId

@description('Principal id: to whom roles are assigned.')
output principalId string = identity.properties.principalId
