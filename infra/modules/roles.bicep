metadata description = 'Everything that the identity of the function app may do. tests/infra/test_roles.py says which call needs what.'

@description('Principal id of the identity.')
param principalId string

@description('Name of the storage account.')
param storageAccountName string

@description('Name of the Cosmos DB account.')
param cosmosAccountName string

@description('Name of the Application Insights component.')
param componentName string

@description('Name of the key vault.')
param vaultName string

var roleDefinitions = 'Microsoft.Authorization/roleDefinitions'

var storageRoles = [
  {
    name: 'Storage Blob Data Owner'
    id: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
    reason: 'The Functions host: deployment package, timer leases, keys. It is the least that Microsoft documents for host storage.'
  }
  {
    name: 'Storage Queue Data Contributor'
    id: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
    reason: 'Queue triggers: receive, renew, delete, put into the poison queue. Message Processor may neither renew nor put. Alerts put notifications.'
  }
  {
    name: 'Storage Table Data Contributor'
    id: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
    reason: 'The stores of shared/stores, which also create and drop the claims tables of a month.'
  }
]

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageAccountName
}

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2024-11-15' existing = {
  name: cosmosAccountName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource onStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in storageRoles: {
  scope: storage
  name: guid(storage.id, principalId, role.id)
  properties: {
    roleDefinitionId: subscriptionResourceId(roleDefinitions, role.id)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: '${role.name}. ${role.reason}'
  }
}]

// Monitoring Metrics Publisher: sends telemetry, now that local authentication is off.
resource onComponent 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: component
  name: guid(component.id, principalId, '3913510d-42f4-4e42-8a64-420c390055eb')
  properties: {
    roleDefinitionId: subscriptionResourceId(roleDefinitions, '3913510d-42f4-4e42-8a64-420c390055eb')
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Monitoring Metrics Publisher. Telemetry of host and worker.'
  }
}

// Key Vault Secrets User: resolves the references in the app settings and reads secrets of outbound connections.
resource onVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, principalId, '4633458b-17de-408a-b874-0445c86b69e6')
  properties: {
    roleDefinitionId: subscriptionResourceId(roleDefinitions, '4633458b-17de-408a-b874-0445c86b69e6')
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Key Vault Secrets User. References in the app settings.'
  }
}

// Cosmos DB Built-in Data Contributor: items only. Databases and containers are made by the deployment.
resource onCosmos 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2024-11-15' = {
  parent: cosmos
  name: guid(cosmos.id, principalId, '00000000-0000-0000-0000-000000000002')
  properties: {
    roleDefinitionId: '${cosmos.id}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002'
    principalId: principalId
    scope: cosmos.id
  }
}
